//! The facts of runs that an earlier version has saved without them, written down afterwards.

use uuid::Uuid;

use crate::runs::{FactColumns, RunRow, run_rows};
use crate::{LedgerTx, StoreError, quarantine};

impl LedgerTx {
    /// Writes down the facts of runs that an earlier version has saved; gives back how many.
    pub async fn keep_facts(&mut self, limit: i64) -> Result<usize, StoreError> {
        let rows = run_rows!(
            "select "
                + columns
                + " from runs where facts_at is distinct from moved_at and quarantined is null
             order by id limit $1 for no key update skip locked",
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let runs = quarantine::sound(&mut self.tx, rows).await?;
        if runs.is_empty() {
            return Ok(0);
        }
        let mut facts = FactColumns::default();
        for run in &runs {
            facts.push(&run.plan, &run.state);
        }
        let ids: Vec<Uuid> = runs.iter().map(|run| run.head.id.get()).collect();
        sqlx::query!(
            "update runs r set current_ca = u.ca, current_cost_micro_usd = u.cost, trouble_code = u.code,
                    facts_at = r.moved_at
             from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) as u (id, ca, cost, code) where r.id = u.id",
            &ids,
            &facts.cas,
            &facts.costs as &[Option<i64>],
            &facts.troubles as &[Option<String>],
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(runs.len())
    }
}

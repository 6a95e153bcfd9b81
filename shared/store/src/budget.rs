//! What a workspace may spend in a month, and what its certificates have cost.

use domain::budget::{Budget, Month, Sum};
use domain::clock::Timestamp;
use domain::ids::{RunId, WorkspaceId};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::exactly;
use crate::rows::from_json;
use crate::runs::cost_of;
use crate::{LedgerTx, Store, StoreError};

/// Any constant: it stands for "the budgets" among Postgres' advisory locks of two numbers; the
/// other is the workspace.
const BUDGETS: i32 = 0x6275_6467;

/// A certificate that was not free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    /// Nothing: unknown.
    pub cost_micro_usd: Option<u64>,
}

/// A budget from which no other planner draws by the clock until this is released or dropped.
pub struct HeldBudget {
    tx: Transaction<'static, Postgres>,
    pub budget: Budget,
}

impl HeldBudget {
    pub async fn release(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

fn sum(micro_usd: i64, price_unknown: i64) -> Sum {
    Sum {
        micro_usd: u64::try_from(micro_usd).unwrap_or(0),
        price_unknown: u32::try_from(price_unknown).unwrap_or(u32::MAX),
    }
}

/// Nothing when there is no such workspace, or when it has no limit and `limited` ones are asked
/// for only: then nothing need be added up.
async fn read(
    db: &mut PgConnection,
    workspace: &WorkspaceId,
    limited: bool,
    month: Month,
) -> Result<Option<Budget>, StoreError> {
    let row = sqlx::query!(
        r#"select w.budget_micro_usd_per_month as budget, s.micro_usd as "spent!", s.price_unknown as "spent_unknown!",
                  a.micro_usd as "active!", a.price_unknown as "active_unknown!", a.unread as "unread!"
           from workspaces w
           cross join lateral (
             select coalesce(sum(cost_micro_usd), 0)::bigint as micro_usd,
                    count(*) filter (where cost_micro_usd is null) as price_unknown
             from spending where workspace = w.id and paid_at >= $3 and paid_at < $4) s
           cross join lateral (
             select coalesce(sum(r.current_cost_micro_usd) filter (where r.facts_at = r.moved_at), 0)::bigint as micro_usd,
                    count(*) filter (where r.facts_at = r.moved_at and r.current_cost_micro_usd is null)
                      as price_unknown,
                    coalesce(jsonb_agg(jsonb_build_array(r.plan, r.course))
                             filter (where r.facts_at is distinct from r.moved_at), '[]') as unread
             from runs r
             where r.workspace = w.id and r.mode = 'live' and r.phase <> 'ended'
               and not exists (select from spending p where p.run_id = r.id)) a
           where w.id = $1 and (not $2 or w.budget_micro_usd_per_month is not null)"#,
        workspace.as_str(),
        limited,
        month.begins_at().get(),
        month.ends_at().get(),
    );
    let row = row.fetch_optional(db).await?;
    let Some(row) = row else { return Ok(None) };
    let mut active = sum(row.active, row.active_unknown);
    for cost in costs_of(row.unread).map_err(|why| StoreError::corrupt("runs", workspace, why))? {
        match cost {
            Some(cost) => active.micro_usd = active.micro_usd.saturating_add(cost),
            None => active.price_unknown = active.price_unknown.saturating_add(1),
        }
    }
    Ok(Some(Budget {
        month,
        limit_micro_usd: row.budget.and_then(|limit| u64::try_from(limit).ok()),
        spent: sum(row.spent, row.spent_unknown),
        active,
    }))
}

/// What the CAs charge that these runs of an earlier version ask: a list of plans, each with its
/// course.
pub(crate) fn costs_of(unread: Value) -> Result<Vec<Option<u64>>, String> {
    let runs: Vec<(Value, Option<Value>)> = from_json(unread)?;
    runs.into_iter()
        .map(|(plan, progress)| cost_of(plan, progress))
        .collect()
}

impl Store {
    /// The money of this month, also when there is no limit.
    pub async fn budget(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Budget, StoreError> {
        let mut db = self.pool.acquire().await?;
        let found = read(&mut db, workspace, false, Month::of(now)).await?;
        found.ok_or_else(|| StoreError::Unknown {
            constraint: "workspaces".to_owned(),
        })
    }

    /// The budget of the month in which this instant lies; nothing when the workspace has none.
    /// What is under way now is counted whole, as it is not known in which month it is paid.
    pub async fn limited_budget(&self, workspace: &WorkspaceId, at: Timestamp) -> Result<Option<Budget>, StoreError> {
        let mut db = self.pool.acquire().await?;
        read(&mut db, workspace, true, Month::of(at)).await
    }

    /// Reads the budget and locks it: of planners that create runs by the clock one after the other
    /// draws from it.
    pub async fn hold_budget(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Option<HeldBudget>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let limited = sqlx::query_scalar!(
            "select id from workspaces where id = $1 and budget_micro_usd_per_month is not null",
            workspace.as_str(),
        );
        if limited.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(None);
        }
        // Not the row: it is the console's, and other rows refer to it.
        sqlx::query!(
            "select pg_advisory_xact_lock($1, hashtext($2))",
            BUDGETS,
            workspace.as_str()
        )
        .execute(&mut *tx)
        .await?;
        let budget = read(&mut tx, workspace, true, Month::of(now)).await?;
        Ok(budget.map(|budget| HeldBudget { tx, budget }))
    }

    /// Sets the limit, or takes it away. What waits for money is judged again at once.
    pub async fn set_budget(
        &self,
        workspace: &WorkspaceId,
        limit_micro_usd: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let limit = limit_micro_usd.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut tx = self.pool.begin().await?;
        let set = sqlx::query!(
            "update workspaces set budget_micro_usd_per_month = $2 where id = $1",
            workspace.as_str(),
            limit,
        );
        exactly("set_budget", 1, set.execute(&mut *tx).await?.rows_affected())?;
        sqlx::query!(
            "update policies set judge_at = least(judge_at, $2) where workspace = $1 and active and waits_for_budget",
            workspace.as_str(),
            now.get(),
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// How many policies are due and wait for money.
    pub async fn waiting_for_budget(&self, workspace: &WorkspaceId) -> Result<u32, StoreError> {
        let waiting = sqlx::query_scalar!(
            r#"select count(*) as "n!" from policies where workspace = $1 and active and waits_for_budget"#,
            workspace.as_str(),
        );
        let waiting = waiting.fetch_one(&self.pool).await?;
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }
}

impl LedgerTx {
    /// Writes down what certificates have cost. A report that is applied twice costs once.
    pub async fn keep_spending(&mut self, paid: &[Paid], now: Timestamp) -> Result<(), StoreError> {
        if paid.is_empty() {
            return Ok(());
        }
        let runs: Vec<Uuid> = paid.iter().map(|one| one.run_id.get()).collect();
        let workspaces: Vec<String> = paid.iter().map(|one| one.workspace.to_string()).collect();
        let cost = |one: &Paid| one.cost_micro_usd.map(|cost| i64::try_from(cost).unwrap_or(i64::MAX));
        let costs: Vec<Option<i64>> = paid.iter().map(cost).collect();
        let at: OffsetDateTime = now.get();
        sqlx::query!(
            "insert into spending (run_id, workspace, cost_micro_usd, paid_at)
             select u.*, $4 from unnest($1::uuid[], $2::text[], $3::bigint[]) as u on conflict do nothing",
            &runs,
            &workspaces,
            &costs as &[Option<i64>],
            at,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

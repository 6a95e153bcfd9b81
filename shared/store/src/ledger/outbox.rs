//! The run row is its own outbox: what was published is marked, what was not is found.

use domain::Timestamp;
use domain::ids::RunId;
use domain::run::Status;
use uuid::Uuid;

use super::LedgerTx;
use crate::runs::{LoadedRun, RunRow, run_rows};
use crate::{Store, StoreError, quarantine};

impl Store {
    /// Marks orders as being in the stream, unless their runs have moved on. What is locked moves just now: waiting for it
    /// would hold up the ledger, which in turn waits for the rows that were marked already.
    pub async fn mark_sent(&self, orders: &[(RunId, u32)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = orders.iter().map(|(id, _)| id.get()).collect();
        let attempts: Vec<i32> = orders
            .iter()
            .map(|(_, attempt)| crate::rows::column(*attempt))
            .collect();
        sqlx::query!(
            "update runs r set sent = true
             from (select o.id from unnest($1::uuid[], $2::int[]) as u (id, attempt) join runs o on o.id = u.id
                   where o.attempt = u.attempt and o.phase = 'out' and not o.sent
                   for update of o skip locked) as m
             where r.id = m.id",
            &ids,
            &attempts,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Marks statuses as published, unless the runs have moved on or move just now.
    pub async fn mark_announced(&self, events: &[(RunId, Status)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = events.iter().map(|(id, _)| id.get()).collect();
        let statuses: Vec<String> = events.iter().map(|(_, status)| status.as_str().to_owned()).collect();
        sqlx::query!(
            "update runs r set announced = m.status
             from (select o.id, o.status from unnest($1::uuid[], $2::text[]) as u (id, status) join runs o on o.id = u.id
                   where o.status = u.status and o.announced is distinct from o.status
                   for update of o skip locked) as m
             where r.id = m.id",
            &ids,
            &statuses,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Lets the trouble of runs be announced again of which no incident knows: NATS may have lost what it had taken. Only what
    /// has happened since `since` and before `before`; each time after twice as long. Gives back how many.
    pub async fn announce_again(
        &self,
        since: Timestamp,
        before: Timestamp,
        now: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update runs set announced = null, told_again_at = $3
             where id in (
                 select r.id from runs r
                 where r.status in ('failed', 'needs_manual') and r.mode = 'live' and r.moved_at between $1 and $2
                   and r.announced = r.status and r.quarantined is null
                   and (r.told_again_at is null or r.told_again_at < r.moved_at
                        or $3 - r.moved_at >= 2 * (r.told_again_at - r.moved_at))
                   and not exists (select 1 from incident_members m
                                   where m.run_id = r.id and m.told_at >= r.moved_at - interval '1 millisecond')
                 order by r.moved_at limit $4 for update of r skip locked)",
            since.get(),
            before.get(),
            now.get(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

impl LedgerTx {
    /// Locks runs whose order or status was not published since `before`, at most so many of each: what a crash left
    /// between commit and publish.
    pub async fn unpublished(&mut self, before: Timestamp, limit: i64) -> Result<Vec<LoadedRun>, StoreError> {
        let rows = run_rows!(
            "with orders as (select id from runs
                             where phase = 'out' and not sent and moved_at < $1 and quarantined is null
                             order by lane, due_at limit $2 for update skip locked),
                  statuses as (select id from runs
                               where announced is distinct from status and moved_at < $1 and quarantined is null
                               order by id limit $2 for update skip locked)
             select "
                + columns
                + " from runs
             where id = any(array(select id from orders union all select id from statuses))
             order by id for update",
            before.get(),
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        quarantine::sound(&mut self.tx, rows).await
    }
}

//! The run row is its own outbox: what was published is marked, what was not is found.

use domain::Timestamp;
use domain::ids::RunId;
use domain::run::Status;
use uuid::Uuid;

use super::LedgerTx;
use crate::runs::{LoadedRun, RunRow};
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
}

impl LedgerTx {
    /// Locks runs whose order or status was not published since `before`, at most so many of each: what a crash left
    /// between commit and publish.
    pub async fn unpublished(&mut self, before: Timestamp, limit: i64) -> Result<Vec<LoadedRun>, StoreError> {
        let rows = sqlx::query_as!(
            RunRow,
            "with orders as (select id from runs
                             where phase = 'out' and not sent and moved_at < $1 and quarantined is null
                             order by lane, due_at limit $2 for update skip locked),
                  statuses as (select id from runs
                               where announced is distinct from status and moved_at < $1 and quarantined is null
                               order by id limit $2 for update skip locked)
             select id, workspace, host_id, policy_id, hostname, criticality, mode, trigger, operator, plan, created_at,
                    phase, step, due_at, attempt, failures, because, question, ending, checkpoint, cancelled_by,
                    course, moved_at, turn, job_id, held
             from runs
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

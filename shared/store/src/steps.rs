//! The history of a run: one row per report.

use domain::clock::Timestamp;
use domain::ids::{RunId, WorkspaceId};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{Jsonb, at, column, number, text};
use crate::{Store, StoreError};

/// A report as it is kept. The JSON parts are the reporter's own.
#[derive(Debug, Clone)]
pub struct StepRecord {
    pub run_id: RunId,
    pub attempt: u32,
    pub step: String,
    pub outcome: &'static str,
    pub summary: String,
    pub worker: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub checks: Value,
    pub log: Value,
    pub exchange: Value,
}

#[derive(Debug, Clone)]
pub struct StepView {
    pub attempt: u32,
    pub step: String,
    pub outcome: String,
    pub summary: String,
    pub worker: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub checks: Value,
    pub log: Value,
}

pub(crate) async fn keep(db: &mut PgConnection, records: &[StepRecord]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let runs: Vec<Uuid> = records.iter().map(|record| record.run_id.get()).collect();
    let attempts: Vec<i32> = records.iter().map(|record| column(record.attempt)).collect();
    let steps: Vec<String> = records.iter().map(|record| record.step.clone()).collect();
    let outcomes: Vec<String> = records.iter().map(|record| record.outcome.to_owned()).collect();
    let summaries: Vec<String> = records.iter().map(|record| text(&record.summary)).collect();
    let workers: Vec<String> = records.iter().map(|record| text(&record.worker)).collect();
    let started: Vec<OffsetDateTime> = records.iter().map(|record| record.started_at.get()).collect();
    let ended: Vec<OffsetDateTime> = records.iter().map(|record| record.ended_at.get()).collect();
    // Not copied: an exchange with a CA is long.
    let checks: Vec<Jsonb<&Value>> = records.iter().map(|record| Jsonb(&record.checks)).collect();
    let logs: Vec<Jsonb<&Value>> = records.iter().map(|record| Jsonb(&record.log)).collect();
    let exchanges: Vec<Jsonb<&Value>> = records.iter().map(|record| Jsonb(&record.exchange)).collect();
    sqlx::query!(
        "insert into run_steps
           (run_id, attempt, step, outcome, summary, worker, started_at, ended_at, checks, log, exchange)
         select * from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[],
                              $7::timestamptz[], $8::timestamptz[], $9::jsonb[], $10::jsonb[], $11::jsonb[])
         on conflict (run_id, attempt) do nothing",
        &runs,
        &attempts,
        &steps,
        &outcomes,
        &summaries,
        &workers,
        &started,
        &ended,
        &checks as &[Jsonb<&Value>],
        &logs as &[Jsonb<&Value>],
        &exchanges as &[Jsonb<&Value>],
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// What happened in a run, in order.
    pub async fn steps(&self, workspace: &WorkspaceId, run: RunId) -> Result<Vec<StepView>, StoreError> {
        self.steps_after(workspace, run, None).await
    }

    /// What happened in a run behind this attempt, in order.
    pub async fn steps_after(
        &self,
        workspace: &WorkspaceId,
        run: RunId,
        attempt: Option<u32>,
    ) -> Result<Vec<StepView>, StoreError> {
        let rows = sqlx::query!(
            "select s.attempt, s.step, s.outcome, s.summary, s.worker, s.started_at, s.ended_at, s.checks, s.log
             from run_steps s join runs r on r.id = s.run_id
             where r.workspace = $1 and s.run_id = $2 and ($3::int is null or s.attempt > $3)
             order by s.attempt",
            workspace.as_str(),
            run.get(),
            attempt.map(column),
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            Ok(StepView {
                attempt: number(row.attempt).map_err(|why| StoreError::corrupt("run_steps", run, why))?,
                step: row.step,
                outcome: row.outcome,
                summary: row.summary,
                worker: row.worker,
                started_at: at(row.started_at),
                ended_at: at(row.ended_at),
                checks: row.checks,
                log: row.log,
            })
        });
        views.collect()
    }

    /// The raw, redacted ACME exchange of a run: lists of `protocol::report::Exchange`, one list per attempt.
    pub async fn exchanges(&self, workspace: &WorkspaceId, run: RunId) -> Result<Vec<Value>, StoreError> {
        let rows = sqlx::query_scalar!(
            "select s.exchange from run_steps s join runs r on r.id = s.run_id
             where r.workspace = $1 and s.run_id = $2 and s.exchange <> '[]'::jsonb order by s.attempt",
            workspace.as_str(),
            run.get(),
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Removes log and ACME exchange of up to `most` runs that ended before; gives back how many. Steps, checks and
    /// summaries stay.
    pub async fn forget_logs(&self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let forgotten = sqlx::query!(
            "with old as (
               select id from runs where phase = 'ended' and log_kept and moved_at < $1
               order by moved_at limit $2 for no key update skip locked),
             emptied as (
               update run_steps set log = '[]', exchange = '[]' where run_id in (select id from old))
             update runs set log_kept = false where id in (select id from old)",
            before.get(),
            most,
        );
        Ok(forgotten.execute(&self.pool).await?.rows_affected())
    }
}

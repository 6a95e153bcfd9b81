//! Jobs as rows: a bulk renewal from its plan to its end. One row lock is the right to move a job.

mod acts;
mod commit;
mod keep;
mod lines;
mod plan;

use domain::Timestamp;
use domain::ids::{JobId, RunId, WorkspaceId};
use domain::job::{Job, JobState};
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::exactly;
use crate::rows::{at, column, from_json, json, number};
use crate::{Store, StoreError};

pub use acts::JobAct;
pub use commit::NewPlace;
pub use keep::{Held, Standing};
pub use lines::{LineFilter, LineView};
pub use plan::{NewLine, PlannedOrder};

pub(crate) struct Row {
    pub id: Uuid,
    pub workspace: String,
    pub spec: Value,
    pub requested_by: String,
    pub created_at: OffsetDateTime,
    pub state: String,
    pub note: Option<String>,
    pub hosts: Option<i32>,
    pub lines: i32,
    pub totals: Value,
    pub planned_at: Option<OffsetDateTime>,
    pub committed_at: Option<OffsetDateTime>,
    pub committed_by: Option<String>,
    pub created_to: i32,
    pub refused: i32,
    pub turns: Value,
    pub holds: Value,
    pub held_to: Option<Uuid>,
    pub judged_from: OffsetDateTime,
    pub cancelled_by: Option<String>,
    pub ended_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.id;
        read(row).map_err(|why| StoreError::corrupt("jobs", id, why))
    }
}

fn read(row: Row) -> Result<Job, String> {
    Ok(Job {
        id: JobId::from_uuid(row.id),
        workspace: row.workspace.parse().map_err(|e| format!("{e}"))?,
        spec: from_json(row.spec)?,
        requested_by: row.requested_by,
        created_at: at(row.created_at),
        state: JobState::parse(&row.state).ok_or_else(|| format!("{:?} is no state of a job", row.state))?,
        note: row.note,
        hosts: row.hosts.map(number).transpose()?,
        lines: number(row.lines)?,
        totals: from_json(row.totals)?,
        planned_at: row.planned_at.map(at),
        committed_at: row.committed_at.map(at),
        committed_by: row.committed_by,
        created_to: number(row.created_to)?,
        refused: number(row.refused)?,
        queue_positions: from_json(row.turns)?,
        holds: from_json(row.holds)?,
        held_to: row.held_to.map(RunId::from_uuid),
        judged_from: at(row.judged_from),
        cancelled_by: row.cancelled_by,
        ended_at: row.ended_at.map(at),
    })
}

/// A locked job.
pub struct JobTx {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) id: JobId,
}

impl Store {
    /// Adds a job and keeps the answer under its key, both or neither. `Duplicate` on
    /// `requests_pkey` when the key was answered before.
    pub async fn add_job(&self, job: &Job, key: &str, answer: &Value) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "insert into requests (workspace, idempotency_key, answer, answered_at) values ($1, $2, $3, $4)",
            job.workspace.as_str(),
            key,
            answer,
            job.created_at.get(),
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into jobs (id, workspace, spec, requested_by, created_at, state, look_at, totals, holds)
             values ($1, $2, $3, $4, $5, $6, $5, $7, $8)",
            job.id.get(),
            job.workspace.as_str(),
            json(&job.spec)?,
            job.requested_by,
            job.created_at.get(),
            job.state.as_str(),
            json(&job.totals)?,
            json(&job.holds)?,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Takes a job that stands in one of these states and whose time has come, and leases it until
    /// `until`.
    pub async fn claim_job(
        &self,
        states: &[JobState],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Job>, StoreError> {
        let words: Vec<String> = states.iter().map(|state| state.as_str().to_owned()).collect();
        let row = sqlx::query_as!(
            Row,
            "update jobs set look_at = $3
             where id = (select id from jobs where state = any($1) and look_at <= $2
                         order by look_at limit 1 for update skip locked)
             returning id, workspace, spec, requested_by, created_at, state, note, hosts, lines, totals, planned_at,
                       committed_at, committed_by, created_to, refused, turns, holds, held_to, judged_from,
                       cancelled_by, ended_at",
            &words,
            now.get(),
            until.get(),
        );
        row.fetch_optional(&self.pool).await?.map(Job::try_from).transpose()
    }

    /// Locks a job of the workspace.
    pub async fn job_tx(&self, workspace: &WorkspaceId, id: JobId) -> Result<Option<(JobTx, Job)>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            "select id, workspace, spec, requested_by, created_at, state, note, hosts, lines, totals, planned_at,
                    committed_at, committed_by, created_to, refused, turns, holds, held_to, judged_from, cancelled_by,
                    ended_at
             from jobs where workspace = $1 and id = $2 for update",
            workspace.as_str(),
            id.get(),
        );
        let Some(row) = row.fetch_optional(&mut *tx).await? else {
            return Ok(None);
        };
        Ok(Some((JobTx { tx, id }, row.try_into()?)))
    }

    /// One job.
    pub async fn job(&self, workspace: &WorkspaceId, id: JobId) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "select id, workspace, spec, requested_by, created_at, state, note, hosts, lines, totals, planned_at,
                    committed_at, committed_by, created_to, refused, turns, holds, held_to, judged_from, cancelled_by,
                    ended_at
             from jobs where workspace = $1 and id = $2",
            workspace.as_str(),
            id.get(),
        );
        row.fetch_optional(&self.pool).await?.map(Job::try_from).transpose()
    }

    /// Jobs of a workspace, newest first.
    pub async fn jobs(
        &self,
        workspace: &WorkspaceId,
        state: Option<JobState>,
        before: Option<JobId>,
        limit: i64,
    ) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select id, workspace, spec, requested_by, created_at, state, note, hosts, lines, totals, planned_at,
                    committed_at, committed_by, created_to, refused, turns, holds, held_to, judged_from, cancelled_by,
                    ended_at
             from jobs
             where workspace = $1 and ($2::text is null or state = $2) and ($3::uuid is null or id < $3)
             order by id desc limit $4",
            workspace.as_str(),
            state.map(JobState::as_str),
            before.map(JobId::get),
            limit,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Forgets what was decided of hosts in plans from before `plans` that were never committed,
    /// and in jobs that ended before `ended`; a plan whose lines are gone goes too. Gives back how
    /// many lines.
    pub async fn forget_lines_of_jobs(
        &self,
        plans: Timestamp,
        ended: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let lines = sqlx::query!(
            "delete from job_lines where (job_id, nr) in (
               select l.job_id, l.nr from jobs j join job_lines l on l.job_id = j.id
               where (j.committed_at is null and j.created_at < $1 and j.state <> 'planning') or j.ended_at < $2
               limit $3)",
            plans.get(),
            ended.get(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!(
            "delete from jobs j where committed_at is null and created_at < $1 and state <> 'planning'
               and not exists (select 1 from job_lines l where l.job_id = j.id)",
            plans.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(lines.rows_affected())
    }
}

impl JobTx {
    /// Writes what may change about the job. It is looked at again at `look_at`.
    pub async fn put(&mut self, job: &Job, look_at: Timestamp) -> Result<(), StoreError> {
        let saved = sqlx::query!(
            "update jobs set state = $2, note = $3, hosts = $4, lines = $5, totals = $6, planned_at = $7,
                    committed_at = $8, committed_by = $9, created_to = $10, refused = $11, holds = $12, held_to = $13,
                    judged_from = $14, cancelled_by = $15, ended_at = $16, look_at = $17, turns = $18
             where id = $1",
            self.id.get(),
            job.state.as_str(),
            job.note,
            job.hosts.map(column),
            column(job.lines),
            json(&job.totals)?,
            job.planned_at.map(Timestamp::get),
            job.committed_at.map(Timestamp::get),
            job.committed_by,
            column(job.created_to),
            column(job.refused),
            json(&job.holds)?,
            job.held_to.map(RunId::get),
            job.judged_from.get(),
            job.cancelled_by,
            job.ended_at.map(Timestamp::get),
            look_at.get(),
            json(&job.queue_positions)?,
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("put a job", 1, saved.rows_affected())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

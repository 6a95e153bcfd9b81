//! Runs: creating them, listing them. Moving them is the ledger's.

mod facts;
mod row;

use domain::Timestamp;
use domain::ids::{JobId, PolicyId, RunId, WorkspaceId};
use domain::plan::Plan;
use domain::run::{Intent, Product, RunHead, RunState, Status};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::facts::{Current, FactColumns, cost_of};
pub(crate) use self::row::{Columns, RunRow, insert_runs, run_rows};
use crate::rows::{at, from_json, json, word};
use crate::{AnsweredRequest, Store, StoreError};

/// A run as the ledger holds it while it moves.
#[derive(Debug, Clone)]
pub struct LoadedRun {
    pub head: RunHead,
    pub plan: Plan,
    pub state: RunState,
    /// Smaller is released first.
    pub queue_position: i64,
}

impl LoadedRun {
    #[must_use]
    pub fn intent(&self) -> Intent<'_> {
        Intent {
            plan: &self.plan,
            mode: self.head.mode,
        }
    }
}

/// A run as people see it.
#[derive(Debug, Clone)]
pub struct RunView {
    pub run: LoadedRun,
    pub moved_at: Timestamp,
    /// Why it is kept back although it is due.
    pub held: Option<String>,
}

/// What the list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub job: Option<JobId>,
    pub status: Option<Status>,
    pub hostname: Option<String>,
    /// Only runs older than this one.
    pub before: Option<RunId>,
    /// Only these.
    pub ids: Option<Vec<RunId>>,
}

/// Where runs stand that a person means to act on all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They need a person.
    Asking,
    /// Live runs that failed, and no later one of the same policy has begun.
    FailedLast,
}

/// A run to be created, queued.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub head: RunHead,
    pub plan: Plan,
    pub state: RunState,
    /// Smaller is released first.
    pub queue_position: i64,
    /// Why it must wait although it is due.
    pub held: Option<String>,
}

impl NewRun {
    #[must_use]
    pub fn intent(&self) -> Intent<'_> {
        Intent {
            plan: &self.plan,
            mode: self.head.mode,
        }
    }
}

/// A run that failed or asks. What it says itself is read where an earlier version wrote it.
struct InTrouble {
    id: Uuid,
    unread: Option<Value>,
}

impl InTrouble {
    fn is_of(&self, code: Option<&str>) -> Result<bool, StoreError> {
        let (Some(wanted), Some(unread)) = (code, &self.unread) else {
            return Ok(true);
        };
        let said = facts::code_of(unread.clone()).map_err(|why| StoreError::corrupt("runs", self.id, why))?;
        Ok(said.is_some_and(|code| code.as_str() == wanted))
    }
}

#[expect(clippy::too_many_lines, reason = "one statement and its columns")]
pub(crate) async fn insert(db: &mut PgConnection, runs: &[NewRun], now: Timestamp) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for run in runs {
        columns.push(&run.head, &run.plan, &run.state)?;
    }
    let of = |pick: fn(&NewRun) -> String| runs.iter().map(pick).collect::<Vec<String>>();
    let hosts: Vec<Uuid> = runs.iter().map(|run| run.head.host_id.get()).collect();
    let policies: Vec<Uuid> = runs.iter().map(|run| run.head.policy_id.get()).collect();
    let ranks: Vec<i16> = runs.iter().map(|run| run.head.criticality.rank()).collect();
    let plans = runs
        .iter()
        .map(|run| json(&run.plan))
        .collect::<Result<Vec<Value>, StoreError>>()?;
    let jobs: Vec<Option<Uuid>> = runs.iter().map(|run| run.head.job.map(JobId::get)).collect();
    let positions: Vec<i64> = runs.iter().map(|run| run.queue_position).collect();
    let held: Vec<Option<String>> = runs.iter().map(|run| run.held.clone()).collect();
    insert_runs!(
        "select u.*, $27, $27, $27
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::jsonb[], $11::smallint[], $12::text[], $13::text[], $14::text[], $15::text[],
                     $16::timestamptz[], $17::int[], $18::int[], $19::jsonb[], $20::jsonb[], $21::uuid[],
                     $22::bigint[], $23::text[], $24::text[], $25::bigint[], $26::text[]) as u",
        &columns.ids,
        &of(|run| run.head.workspace.to_string()),
        &hosts,
        &policies,
        &of(|run| run.head.hostname.to_string()),
        &of(|run| word(run.head.criticality)),
        &of(|run| word(run.head.mode)),
        &of(|run| word(run.head.trigger)),
        &of(|run| run.head.operator.clone()),
        &plans,
        &ranks,
        &columns.statuses,
        &columns.phases,
        &columns.steps as &[Option<String>],
        &columns.lanes as &[Option<String>],
        &columns.due as &[Option<OffsetDateTime>],
        &columns.attempts,
        &columns.failures,
        &columns.because as &[Option<Value>],
        &columns.courses,
        &jobs as &[Option<Uuid>],
        &positions,
        &held as &[Option<String>],
        &columns.facts.cas,
        &columns.facts.costs as &[Option<i64>],
        &columns.facts.troubles as &[Option<String>],
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Creates queued runs and keeps the answer under its key, both or neither. `Duplicate` on
    /// `requests_pkey` when the key was answered before, on `runs_one_active` when a policy has an
    /// active live run.
    pub async fn create_runs(
        &self,
        runs: &[NewRun],
        request: AnsweredRequest<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "insert into requests (workspace, idempotency_key, answer, answered_at) values ($1, $2, $3, $4)",
            request.workspace.as_str(),
            request.key,
            request.answer,
            now.get(),
        )
        .execute(&mut *tx)
        .await?;
        insert(&mut tx, runs, now).await?;
        Ok(tx.commit().await?)
    }

    /// Which of these policies have a live run that has not ended, and which run it is.
    pub async fn active_runs(&self, policies: &[PolicyId]) -> Result<Vec<(PolicyId, RunId)>, StoreError> {
        let ids: Vec<Uuid> = policies.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            "select policy_id, id from runs where policy_id = any($1) and phase <> 'ended' and mode = 'live'",
            &ids,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| (PolicyId::from_uuid(row.policy_id), RunId::from_uuid(row.id)))
            .collect())
    }

    /// Runs of a workspace, newest first.
    pub async fn runs(
        &self,
        workspace: &WorkspaceId,
        filter: &RunFilter,
        limit: i64,
    ) -> Result<Vec<RunView>, StoreError> {
        let ids: Option<Vec<Uuid>> = filter.ids.as_ref().map(|ids| ids.iter().map(|id| id.get()).collect());
        let rows = run_rows!(
            "select "
                + columns
                + " from runs
             where workspace = $1 and ($2::text is null or status = $2) and ($3::text is null or hostname = $3)
               and ($4::uuid is null or id < $4) and ($5::uuid[] is null or id = any($5))
               and ($7::uuid is null or job_id = $7)
             order by id desc limit $6",
            workspace.as_str(),
            filter.status.map(Status::as_str),
            filter.hostname.as_deref(),
            filter.before.map(RunId::get),
            ids.as_deref(),
            limit,
            filter.job.map(JobId::get),
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            let (moved_at, held) = (at(row.moved_at), row.held.clone());
            Ok(RunView {
                run: row.try_into()?,
                moved_at,
                held,
            })
        });
        views.collect()
    }

    /// The ids of at most `limit` runs of a workspace that stand there, with this error code if one
    /// is given; oldest first.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn standing(
        &self,
        workspace: &WorkspaceId,
        standing: Standing,
        code: Option<&str>,
        limit: i64,
    ) -> Result<Vec<RunId>, StoreError> {
        let rows = match standing {
            Standing::Asking => {
                sqlx::query_as!(
                    InTrouble,
                    "select id, case when facts_at is distinct from moved_at then question end as unread from runs
                     where workspace = $1 and phase = 'asking'
                       and ($2::text is null or trouble_code = $2 or facts_at is distinct from moved_at)
                     order by id limit $3",
                    workspace.as_str(),
                    code,
                    limit,
                )
                .fetch_all(&self.pool)
                .await?
            }
            Standing::FailedLast => {
                sqlx::query_as!(
                    InTrouble,
                    "select r.id, case when r.facts_at is distinct from r.moved_at then r.ending end as unread
                     from runs r
                     where r.workspace = $1 and r.status = 'failed' and r.mode = 'live'
                       and ($2::text is null or r.trouble_code = $2 or r.facts_at is distinct from r.moved_at)
                       and not exists (select 1 from runs n where n.host_id = r.host_id and n.id > r.id
                                         and n.policy_id = r.policy_id and n.mode = 'live')
                     order by r.id limit $3",
                    workspace.as_str(),
                    code,
                    limit,
                )
                .fetch_all(&self.pool)
                .await?
            }
        };
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            if row.is_of(code)? {
                ids.push(RunId::from_uuid(row.id));
            }
        }
        Ok(ids)
    }

    /// What the steps of one run left, without sealed keys. `Corrupt` when one of it cannot be
    /// read.
    pub async fn products(&self, workspace: &WorkspaceId, run: RunId) -> Result<Vec<Product>, StoreError> {
        let rows = sqlx::query_scalar!(
            r#"select p.product as "product!" from run_products_shown p join runs r on r.id = p.run_id
               where r.workspace = $1 and p.run_id = $2"#,
            workspace.as_str(),
            run.get(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let products = rows.into_iter().map(from_json);
        products
            .map(|read| read.map_err(|why| StoreError::corrupt("run_products", run, why)))
            .collect()
    }

    /// How many runs stand in each status.
    pub async fn run_counts(&self, workspace: &WorkspaceId) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query!(
            r#"select status, count(*) as "n!" from runs where workspace = $1 group by status order by status"#,
            workspace.as_str()
        );
        Ok(rows
            .fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| (row.status, row.n))
            .collect())
    }
}

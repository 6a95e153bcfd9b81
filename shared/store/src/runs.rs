//! Runs as rows: reading them back, creating them, listing them. Moving them is the ledger's.

use domain::Timestamp;
use domain::disposition::Question;
use domain::ids::{HostId, JobId, PolicyId, RunId, WorkspaceId};
use domain::plan::Plan;
use domain::run::{Because, Checkpoint, Course, Ending, Position, Product, RunHead, RunState, Status, queue};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{at, column, from_json, from_word, json, number, word};
use crate::{Store, StoreError};

/// A run as the ledger holds it while it moves.
#[derive(Debug, Clone)]
pub struct LoadedRun {
    pub head: RunHead,
    pub plan: Plan,
    pub state: RunState,
    /// Smaller is released first.
    pub turn: i64,
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
    pub turn: i64,
    /// Why it must wait although it is due.
    pub held: Option<String>,
}

pub(crate) struct RunRow {
    pub id: Uuid,
    pub workspace: String,
    pub host_id: Uuid,
    pub policy_id: Uuid,
    pub hostname: String,
    pub criticality: String,
    pub mode: String,
    pub trigger: String,
    pub operator: String,
    pub plan: Value,
    pub created_at: OffsetDateTime,
    pub phase: String,
    pub step: Option<String>,
    pub due_at: Option<OffsetDateTime>,
    pub attempt: i32,
    pub failures: i32,
    pub because: Option<Value>,
    pub question: Option<Value>,
    pub ending: Option<Value>,
    pub checkpoint: Option<Value>,
    pub cancelled_by: Option<String>,
    pub course: Option<Value>,
    pub moved_at: OffsetDateTime,
    pub turn: i64,
    pub job_id: Option<Uuid>,
    pub held: Option<String>,
}

impl TryFrom<RunRow> for LoadedRun {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let id = row.id;
        read(row).map_err(|why| StoreError::corrupt("runs", id, why))
    }
}

fn read(row: RunRow) -> Result<LoadedRun, String> {
    let position = position(&row)?;
    let plan: Plan = from_json(row.plan)?;
    let state = RunState {
        position,
        attempt: number(row.attempt)?,
        failures: number(row.failures)?,
        checkpoint: row.checkpoint.map(from_json::<Checkpoint>).transpose()?,
        cancelled_by: row.cancelled_by,
        // Absent in runs of before the targets had states of their own.
        course: row.course.map_or_else(|| Ok(Course::of(&plan)), from_json)?,
    };
    let head = RunHead {
        id: RunId::from_uuid(row.id),
        workspace: row.workspace.parse().map_err(|e| format!("{e}"))?,
        host_id: HostId::from_uuid(row.host_id),
        policy_id: PolicyId::from_uuid(row.policy_id),
        hostname: row.hostname.parse().map_err(|e| format!("{e}"))?,
        criticality: from_word(row.criticality)?,
        mode: from_word(row.mode)?,
        trigger: from_word(row.trigger)?,
        operator: row.operator,
        job: row.job_id.map(JobId::from_uuid),
        created_at: at(row.created_at),
    };
    Ok(LoadedRun {
        head,
        plan,
        state,
        turn: row.turn,
    })
}

fn position(row: &RunRow) -> Result<Position, String> {
    let step = || {
        row.step
            .as_deref()
            .ok_or("step is missing")?
            .parse()
            .map_err(|e| format!("{e}"))
    };
    let due = || row.due_at.map(at).ok_or("due_at is missing");
    let part = |value: &Option<Value>, name: &str| value.clone().ok_or(format!("{name} is missing"));
    Ok(match row.phase.as_str() {
        "waiting" => {
            let because: Because = from_json(part(&row.because, "because")?)?;
            Position::Waiting {
                step: step()?,
                until: due()?,
                because,
            }
        }
        "out" => Position::Out {
            step: step()?,
            deadline: due()?,
        },
        "asking" => {
            let question: Question = from_json(part(&row.question, "question")?)?;
            Position::Asking {
                step: step()?,
                question,
                retry_at: row.due_at.map(at),
            }
        }
        "ended" => {
            let ending: Ending = from_json(part(&row.ending, "ending")?)?;
            Position::Ended { ending }
        }
        other => return Err(format!("{other:?} is no phase")),
    })
}

/// The columns that move, one vector each, for UNNEST.
#[derive(Default)]
pub(crate) struct Columns {
    pub ids: Vec<Uuid>,
    pub statuses: Vec<String>,
    pub phases: Vec<String>,
    pub steps: Vec<Option<String>>,
    pub lanes: Vec<Option<String>>,
    pub due: Vec<Option<OffsetDateTime>>,
    pub attempts: Vec<i32>,
    pub failures: Vec<i32>,
    pub because: Vec<Option<Value>>,
    pub questions: Vec<Option<Value>>,
    pub endings: Vec<Option<Value>>,
    pub checkpoints: Vec<Option<Value>>,
    pub cancelled: Vec<Option<String>>,
    pub courses: Vec<Value>,
}

impl Columns {
    pub(crate) fn push(&mut self, head: &RunHead, plan: &Plan, state: &RunState) -> Result<(), StoreError> {
        let (phase, due, because, question, ending) = match &state.position {
            Position::Waiting { until, because, .. } => ("waiting", Some(*until), Some(json(because)?), None, None),
            Position::Out { deadline, .. } => ("out", Some(*deadline), None, None, None),
            Position::Asking { question, retry_at, .. } => ("asking", *retry_at, None, Some(json(question)?), None),
            Position::Ended { ending } => ("ended", None, None, None, Some(json(ending)?)),
        };
        self.ids.push(head.id.get());
        self.statuses.push(state.status().as_str().to_owned());
        self.phases.push(phase.to_owned());
        self.steps.push(state.step().map(|step| step.to_string()));
        self.lanes
            .push(queue(&head.workspace, plan, state).map(|lane| lane.as_str().to_owned()));
        self.due.push(due.map(Timestamp::get));
        self.attempts.push(column(state.attempt));
        self.failures.push(column(state.failures));
        self.because.push(because);
        self.questions.push(question);
        self.endings.push(ending);
        self.checkpoints.push(state.checkpoint.as_ref().map(json).transpose()?);
        self.cancelled.push(state.cancelled_by.clone());
        self.courses.push(json(&state.course)?);
        Ok(())
    }
}

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
    let turns: Vec<i64> = runs.iter().map(|run| run.turn).collect();
    let held: Vec<Option<String>> = runs.iter().map(|run| run.held.clone()).collect();
    sqlx::query!(
        "insert into runs (id, workspace, host_id, policy_id, hostname, criticality, mode, trigger, operator, plan, rank,
                           status, phase, step, lane, due_at, attempt, failures, because, course, job_id, turn, held,
                           created_at, moved_at)
         select u.*, $24, $24
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::jsonb[], $11::smallint[], $12::text[], $13::text[], $14::text[], $15::text[],
                     $16::timestamptz[], $17::int[], $18::int[], $19::jsonb[], $20::jsonb[], $21::uuid[],
                     $22::bigint[], $23::text[]) as u",
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
        &turns,
        &held as &[Option<String>],
        now.get(),
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Creates queued runs and keeps the answer under its key, both or neither. `Duplicate` on
    /// `requests_pkey` when the key was answered before, on `runs_one_active` when a policy has an active live run.
    pub async fn create_runs(
        &self,
        runs: &[NewRun],
        (workspace, key, answer): (&WorkspaceId, &str, &Value),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "insert into requests (workspace, idempotency_key, answer, answered_at) values ($1, $2, $3, $4)",
            workspace.as_str(),
            key,
            answer,
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
        let rows = sqlx::query_as!(
            RunRow,
            "select id, workspace, host_id, policy_id, hostname, criticality, mode, trigger, operator, plan, created_at,
                    phase, step, due_at, attempt, failures, because, question, ending, checkpoint, cancelled_by,
                    course, moved_at, turn, job_id, held
             from runs
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

    /// The ids of at most `limit` runs of a workspace that stand there, with this error code if one is given; oldest
    /// first.
    pub async fn standing(
        &self,
        workspace: &WorkspaceId,
        (standing, code): (Standing, Option<&str>),
        limit: i64,
    ) -> Result<Vec<RunId>, StoreError> {
        let query = match standing {
            Standing::Asking => {
                sqlx::query_scalar!(
                    "select id from runs
                     where workspace = $1 and phase = 'asking' and ($2::text is null or question ->> 'code' = $2)
                     order by id limit $3",
                    workspace.as_str(),
                    code,
                    limit,
                )
                .fetch_all(&self.pool)
                .await
            }
            Standing::FailedLast => {
                sqlx::query_scalar!(
                    "select r.id from runs r
                     where r.workspace = $1 and r.status = 'failed' and r.mode = 'live'
                       and ($2::text is null or r.ending -> 'failure' ->> 'code' = $2)
                       and not exists (select 1 from runs n where n.host_id = r.host_id and n.id > r.id
                                         and n.policy_id = r.policy_id and n.mode = 'live')
                     order by r.id limit $3",
                    workspace.as_str(),
                    code,
                    limit,
                )
                .fetch_all(&self.pool)
                .await
            }
        };
        Ok(query?.into_iter().map(RunId::from_uuid).collect())
    }

    /// What the steps of one run left. `Corrupt` when one of it cannot be read.
    pub async fn products(&self, workspace: &WorkspaceId, run: RunId) -> Result<Vec<Product>, StoreError> {
        let rows = sqlx::query_scalar!(
            "select p.product from run_products p join runs r on r.id = p.run_id
             where r.workspace = $1 and p.run_id = $2",
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

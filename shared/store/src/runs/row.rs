//! A run as a row: read without trust, and written column by column.

use domain::Timestamp;
use domain::disposition::Question;
use domain::ids::{HostId, JobId, PolicyId, RunId};
use domain::plan::Plan;
use domain::run::{Because, Checkpoint, Ending, Position, RunHead, RunProgress, RunState, queue};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{FactColumns, LoadedRun};
use crate::StoreError;
use crate::rows::{at, column, from_json, from_word, json, number};

/// Reads runs: the one list of their columns. What stands before and after it is the caller's.
macro_rules! run_rows {
    ($before:tt + columns + $after:tt, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            RunRow,
            $before
                + r#"id as "id!", workspace as "workspace!", host_id as "host_id!", policy_id as "policy_id!",
                     hostname as "hostname!", criticality as "criticality!", mode as "mode!", trigger as "trigger!",
                     operator as "operator!", plan as "plan!", created_at as "created_at!", phase as "phase!", step,
                     due_at, attempt as "attempt!", failures as "failures!", because, question, ending, checkpoint,
                     cancelled_by, course, moved_at as "moved_at!", turn as "turn!", job_id, held"#
                + $after,
            $($argument),*
        )
    };
}
pub(crate) use run_rows;

/// Creates runs: the one list of the columns that are written then. What is selected is the
/// caller's, in this order.
macro_rules! insert_runs {
    ($select:tt, $($argument:expr),* $(,)?) => {
        sqlx::query!(
            "insert into runs (id, workspace, host_id, policy_id, hostname, criticality, mode, trigger, operator, plan,
                               rank, status, phase, step, lane, due_at, attempt, failures, because, course, job_id, turn,
                               held, current_ca, current_cost_micro_usd, trouble_code, facts_at, created_at, moved_at) "
                + $select,
            $($argument),*
        )
    };
}
pub(crate) use insert_runs;

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
        // Absent in runs from before targets had states of their own.
        progress: row.course.map_or_else(|| Ok(RunProgress::of(&plan)), from_json)?,
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
        queue_position: row.turn,
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
    pub facts: FactColumns,
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
        self.courses.push(json(&state.progress)?);
        self.facts.push(plan, state);
        Ok(())
    }
}

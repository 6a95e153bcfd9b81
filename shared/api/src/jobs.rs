//! Bulk renewals: what is wanted, what the plan says, how far it is, what stops it.

use domain::job::{self, Decision, JobSpec, JobState, Progress, Refusal, Totals};
use domain::{JobId, RunId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::runs::Act;

/// What is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    pub spec: JobSpec,
    /// Requests with one key are planned once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 180))]
    pub idempotency_key: Option<String>,
}

/// How a plan is committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Also when the plan is older than an hour.
    #[serde(default)]
    pub stale_ok: bool,
}

/// Why a job is paused, resumed or cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobNote {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub note: Option<String>,
}

/// The job that was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobTaken {
    pub job_id: JobId,
}

/// A bulk renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    pub id: JobId,
    pub state: JobState,
    /// Why it failed.
    pub note: Option<String>,
    pub paused_by: Option<String>,
    /// Causes of too many failures; what shares them waits for a resume.
    pub halts: Vec<Halt>,
    /// The others wait until the first few are verified.
    pub waits_for_cohort: bool,
    pub spec: JobSpec,
    pub requested_by: String,
    pub created_at: Timestamp,
    /// How many hosts the filter chose, once it is known.
    pub hosts: Option<u32>,
    /// How many of them are decided.
    pub decided: u32,
    pub totals: Totals,
    pub planned_at: Option<Timestamp>,
    pub committed_at: Option<Timestamp>,
    pub committed_by: Option<String>,
    pub cancelled_by: Option<String>,
    pub ended_at: Option<Timestamp>,
}

/// Too many runs failed for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ExplainedHalt")]
pub struct Halt {
    #[serde(flatten)]
    pub halt: job::Halt,
    /// In words.
    pub what: String,
    /// Path of the page that explains the code.
    pub help: String,
}

/// A bulk renewal with how its runs stand and what people did to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: Job,
    /// Runs by where they stand; held ones are queued and kept back, refused lines could not become
    /// runs any more.
    pub progress: Progress,
    /// When it will end at the pace that it has.
    pub eta: Option<Timestamp>,
    /// What was issued so far cost this, in millionths of a US dollar.
    pub cost_so_far_micro_usd: u64,
    pub acts: Vec<Act>,
}

/// What was decided of one host, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "serde_json::Value")]
#[schemars(!try_from)]
pub struct JobLine {
    pub nr: u32,
    pub hostname: String,
    #[serde(flatten)]
    pub decision: Decision,
    /// One of the first few.
    pub in_cohort: bool,
    /// Its run; null without one. Absent where the decision names a run: two fields of one name
    /// would hide each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Option<RunId>>,
    pub run_status: Option<String>,
    /// Why its run is kept back.
    pub held: Option<String>,
    /// Why it could not become a run any more.
    pub refused: Option<Refusal>,
}

/// The fields beside the decision.
#[derive(Deserialize)]
struct BesideDecision {
    nr: u32,
    hostname: String,
    in_cohort: bool,
    run_id: Option<RunId>,
    run_status: Option<String>,
    held: Option<String>,
    refused: Option<Refusal>,
}

/// The decision is read first: it may have a field that the line has too.
impl TryFrom<serde_json::Value> for JobLine {
    type Error = serde_json::Error;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        let decision = Decision::deserialize(&value)?;
        let beside = BesideDecision::deserialize(&value)?;
        Ok(Self {
            nr: beside.nr,
            hostname: beside.hostname,
            in_cohort: beside.in_cohort,
            run_id: (!decision.names_a_run()).then_some(beside.run_id),
            run_status: beside.run_status,
            held: beside.held,
            refused: beside.refused,
            decision,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::job::LeftOut;

    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = |decision: Decision, run_id| JobLine {
            nr: 7,
            hostname: "www.example.org".to_owned(),
            decision,
            in_cohort: false,
            run_id,
            run_status: None,
            held: Some("paused".to_owned()),
            refused: None,
        };
        let run_id = RunId::new();
        let in_the_way = Decision::LeftOut(LeftOut::ActiveRun { run_id });
        for written in [
            line(in_the_way, None),
            line(Decision::LeftOut(LeftOut::NoPolicy), Some(None)),
            line(Decision::LeftOut(LeftOut::NoPolicy), Some(Some(run_id))),
        ] {
            let text = serde_json::to_string(&written).expect("JSON");
            assert_eq!(
                serde_json::from_str::<JobLine>(&text).expect("a line"),
                written,
                "{text}"
            );
        }
    }
}

//! Runs: where they stand and why, their steps and their log.

use std::collections::BTreeMap;

use domain::disposition::{self, AnswerKind, FurtherAnswer};
use domain::host::Criticality;
use domain::plan::Choice;
use domain::run::{Check, Failover, Mode, Status, Step, Trigger};
use domain::{DnsName, HostId, Hostname, JobId, PolicyId, RunId, Timestamp};
use protocol::report::{Level, LogLine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a step did not succeed, with the page that explains its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ExplainedFailure")]
pub struct Failure {
    #[serde(flatten)]
    pub failure: disposition::Failure,
    /// Path of the page that explains the code.
    pub help: String,
}

/// What a person is asked, with everything that it may be answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AskedQuestion")]
pub struct Question {
    #[serde(flatten)]
    pub failure: disposition::Failure,
    pub answers: Vec<OfferedAnswer>,
    /// Path of the page that explains the code.
    pub help: String,
}

/// What a question may be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OfferedAnswer {
    Common(AnswerKind),
    Further(FurtherAnswer),
}

/// Why a run stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It waits for its turn.
    Turn,
    /// It waits for the time that its job has planned.
    Planned,
    /// It waits while the world needs time.
    Resting,
    /// A try failed; the next one comes by itself.
    Retry,
    /// It waits for a maintenance window.
    Window,
    /// It waits for the end of the cooldown.
    Cooldown,
    /// It waits for a limit of the CA.
    Limit,
    /// An order is out.
    Working,
}

/// The few fields that a view of the progress asks for again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    pub id: RunId,
    pub hostname: Hostname,
    pub status: Status,
    /// `prepare-key`, `issue`, `deploy-N`, `verify` or `tidy`.
    pub step: Option<Step>,
    /// Why it stands there.
    pub because: Option<Because>,
    /// What it waits for in words: its turn, a limit, a window, a cooldown, its job, a target
    /// group, a look at its host, a service that picks no order up; null where `failure` says it.
    pub waits_for: Option<String>,
    /// Why it is kept back although it is due.
    pub held: Option<String>,
    pub question: Option<Question>,
    /// Why it ended, or what the last try met.
    pub failure: Option<Failure>,
}

/// A run: where it stands, what it is to do, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    #[serde(flatten)]
    pub standing: Standing,
    /// Not before this instant it goes on; while an order is out, when it is given again.
    pub until: Option<Timestamp>,
    pub cancelled_by: Option<String>,
    /// Of a cancelled run: what it has changed at its targets and not taken back; absent when there
    /// is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
    pub attempt: u32,
    pub failures: u32,
    /// Since when its present step fails, try after try.
    pub failing_since: Option<Timestamp>,
    pub host_id: HostId,
    pub policy_id: PolicyId,
    /// The bulk renewal that it belongs to.
    pub job_id: Option<JobId>,
    pub criticality: Criticality,
    pub mode: Mode,
    pub trigger: Trigger,
    pub operator: String,
    pub choice: Choice,
    /// Who is asked when the chosen one cannot issue, in this order.
    pub fallbacks: Vec<Choice>,
    /// Why the next of them was asked, each time: as many as there are here were given up.
    #[serde(rename = "turned")]
    pub failovers: Vec<Failover>,
    /// The directory of the CA that is asked now, or was last.
    #[serde(rename = "asked")]
    pub current_ca: String,
    /// What made it due when no person asked.
    pub why_now: Option<String>,
    pub names: Vec<DnsName>,
    pub targets: Vec<String>,
    pub steps_planned: Vec<Step>,
    pub created_at: Timestamp,
    pub moved_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A run with its steps, its log and what people did to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    pub run: Run,
    pub steps: Vec<StepRecord>,
    /// What a rehearsal leaves open; empty for a live run.
    pub cannot_know: Vec<String>,
    /// What people did to it, oldest first.
    pub acts: Vec<Act>,
}

/// What a person did to a run or to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Act {
    pub at: Timestamp,
    /// `resume`, `retry`, `cancel`, `resolve`; `amend` with what a run took from today's policy. Of
    /// a job: `commit`, `pause`, `resume` or `cancel`.
    pub verb: String,
    pub by: String,
    /// Empty when none was given.
    pub note: String,
}

/// One execution of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    pub step: String,
    pub attempt: u32,
    /// `done`, `resting`, `retry`, `failed` or `stuck`.
    pub outcome: String,
    pub summary: String,
    pub worker: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub checks: Vec<Check>,
    pub log: Vec<LogLine>,
}

/// One line of the log of a run: something that was said, checked, begun or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub at: Timestamp,
    pub level: Level,
    pub step: String,
    pub attempt: u32,
    pub message: String,
    /// Present when the line is a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckResult>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    Passed,
    Failed,
    /// A cross that is a hint only.
    Hint,
}

/// Which runs a view of the progress asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunIds {
    /// At most 1000; unknown ones are left out of the answer.
    #[schemars(length(max = 1000))]
    pub ids: Vec<RunId>,
}

/// How many runs stand in each status; those without any are there too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct RunCounts(pub BTreeMap<String, i64>);

//! A job: one bulk renewal. What is wanted is planned first, looked at by a person, and then
//! carried out as planned.
//!
//! In: a wish (`JobSpec`), what was decided of each host (`Decision`), how its runs stand. Out:
//! totals, what holds runs back, how far it is. Never: a decision of its own about a host; those
//! are the planner's.

mod decision;
mod holds;
mod progress;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::counted::counted;
use crate::filter::Filter;
use crate::ids::{JobId, RunId, WorkspaceId};
use crate::invalid::Invalid;
use crate::plan::Strategy;
use crate::run::Mode;
use crate::window::{self, Window};

pub use decision::{Cap, Decision, Included, LeftOut, Refusal, Share, Speed, Totals};
pub use holds::{Halt, Holds, Shared, Traits};
pub use progress::Progress;

/// A plan that is older shall be made anew: certificates, runs and limits have moved on.
pub const FRESH: Duration = Duration::from_secs(3_600);
const LONGEST_REASON: usize = 1_000;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    pub filter: Filter,
    #[serde(default)]
    pub strategy: Strategy,
    #[serde(default = "live")]
    pub mode: Mode,
    /// No run begins before; absent: at the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// Runs begin inside one of these; the windows of the hosts hold beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// What could begin only later is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Hosts that would cost more than is left of it are left out. Millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micro_usd: Option<u64>,
    /// The workspace's budget of the month leaves no host out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_month: bool,
    /// Runs of the job that are under way at once, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    #[serde(default)]
    pub cooldown: Cooldown,
    /// The others wait until these are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    #[serde(default)]
    pub halt: HaltRule,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn live() -> Mode {
    Mode::Live
}

/// What becomes of a host that is inside the cooldown of its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cooldown {
    #[default]
    LeaveOut,
    /// It begins when the cooldown ends.
    Schedule,
    /// It begins all the same: what it serves is not to be served any longer.
    Ignore,
}

/// How many runs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Canary {
    Percent(u8),
    Count(u32),
}

impl Canary {
    /// At least one of those that are included.
    pub fn of(self, included: u32) -> u32 {
        let wanted = match self {
            Self::Percent(percent) => included.saturating_mul(u32::from(percent)).div_ceil(100),
            Self::Count(count) => count,
        };
        wanted.max(1).min(included)
    }
}

/// When failures stop what shares their cause: more than this part of the runs that ended, and at
/// least so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HaltRule {
    pub percent: u8,
    pub at_least: u32,
}

impl Default for HaltRule {
    fn default() -> Self {
        Self {
            percent: 20,
            at_least: 3,
        }
    }
}

impl JobSpec {
    /// Everything that these types allow, for these hosts.
    pub fn of(filter: Filter) -> Self {
        Self {
            filter,
            strategy: Strategy::default(),
            mode: Mode::Live,
            start_at: None,
            windows: Vec::new(),
            ends_at: None,
            budget_micro_usd: None,
            beyond_month: false,
            concurrency: None,
            cooldown: Cooldown::default(),
            canary: None,
            halt: HaltRule::default(),
            reason: None,
        }
    }

    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        self.filter.check()?;
        self.check_times(now)?;
        window::check(&self.windows)?;
        if self.concurrency == Some(0) {
            return Err(Invalid::new(
                "concurrency",
                "0 runs at once renew nothing",
                "give 1 or more",
            ));
        }
        match self.canary {
            Some(Canary::Percent(percent)) if !(1..=50).contains(&percent) => {
                let problem = format!("{percent} percent is out of range");
                return Err(Invalid::new("canary.percent", problem, "give 1 to 50"));
            }
            Some(Canary::Count(0)) => {
                return Err(Invalid::new("canary.count", "0 runs verify nothing", "give 1 or more"));
            }
            Some(Canary::Percent(_) | Canary::Count(_)) | None => {}
        }
        if !(1..=100).contains(&self.halt.percent) || self.halt.at_least == 0 {
            let problem = format!(
                "{} percent and {}",
                self.halt.percent,
                counted(self.halt.at_least, "run")
            );
            let remedy = "give percent 1 to 100 (100 never halts) and at_least 1 or more";
            return Err(Invalid::new("halt", problem, remedy));
        }
        match &self.reason {
            Some(reason) if reason.chars().count() > LONGEST_REASON => {
                let remedy = format!("say it in {LONGEST_REASON} characters");
                Err(Invalid::new("reason", "it is too long", remedy))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_times(&self, now: Timestamp) -> Result<(), Invalid> {
        const FARTHEST: Duration = Duration::from_secs(366 * 86_400);
        // Who is asked to begin now may be late; who means last year has mistyped.
        const LATE: Duration = Duration::from_secs(3600);
        if self.start_at.is_some_and(|at| at > now.plus(FARTHEST)) {
            let remedy = "plan it when it is nearer: certificates and limits will have changed by then";
            return Err(Invalid::new("start_at", "it is more than a year ahead", remedy));
        }
        if let Some(at) = self.start_at.filter(|at| at.plus(LATE) < now) {
            let problem = format!("{at} is past");
            let remedy = "leave it out to begin at once, or give a later instant";
            return Err(Invalid::new("start_at", problem, remedy));
        }
        let start = self.start_at.unwrap_or(now).max(now);
        match self.ends_at {
            Some(end) if end <= start => {
                let problem = format!("{end} is not after the start, {start}");
                Err(Invalid::new(
                    "ends_at",
                    problem,
                    "give a later instant, or leave it out",
                ))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Where a job stands. Paused and halted are not here: they hold runs of a running job (`Holds`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Planning,
    /// A person may look at it now, and commit it.
    Planned,
    /// Its runs are being created.
    Committing,
    Running,
    /// Its runs are being given up.
    Cancelling,
    Cancelled,
    /// No run of it goes on by itself any more.
    Ended,
    /// The plan could not be made.
    Failed,
}

impl JobState {
    pub const ALL: [Self; 8] = [
        Self::Planning,
        Self::Planned,
        Self::Committing,
        Self::Running,
        Self::Cancelling,
        Self::Cancelled,
        Self::Ended,
        Self::Failed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Committing => "committing",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The turns of all runs of one criticality, given out one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePositions {
    pub rank: i16,
    pub first: i64,
    pub runs: u32,
    pub given: u32,
}

/// A job as the record holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub workspace: WorkspaceId,
    pub spec: JobSpec,
    pub requested_by: String,
    pub created_at: Timestamp,
    pub state: JobState,
    /// Why it failed.
    pub note: Option<String>,
    /// How many hosts the filter chose, once it is known.
    pub hosts: Option<u32>,
    /// How many of them are decided.
    pub lines: u32,
    pub totals: Totals,
    pub planned_at: Option<Timestamp>,
    pub committed_at: Option<Timestamp>,
    pub committed_by: Option<String>,
    /// Runs were created of the lines up to this one.
    pub created_to: u32,
    /// Of these, lines that could not become runs any more.
    pub refused: u32,
    /// The turns of its runs; none before the first of them is created.
    pub queue_positions: Vec<QueuePositions>,
    pub holds: Holds,
    /// `holds` is applied to the runs up to this one; none: to all.
    pub held_to: Option<RunId>,
    /// Earlier failures were forgiven by a person.
    pub judged_from: Timestamp,
    pub cancelled_by: Option<String>,
    pub ended_at: Option<Timestamp>,
}

impl Job {
    /// Who has its runs created: whoever committed it, else whoever asked for it.
    #[must_use]
    pub fn creator(&self) -> &str {
        self.committed_by.as_deref().unwrap_or(&self.requested_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: serde_json::Value) -> String {
        let spec: Result<JobSpec, _> = serde_json::from_value(body);
        match spec {
            Ok(spec) => spec.check(Timestamp::EPOCH).expect_err("refused").field,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_said_is_the_careful_choice() {
        let spec: JobSpec = serde_json::from_value(serde_json::json!({"filter": {}})).expect("a spec");
        assert_eq!(spec, JobSpec::of(Filter::default()));
        assert_eq!(spec.check(Timestamp::EPOCH), Ok(()));
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (body, field) in [
            (serde_json::json!({"filter": {}, "concurrency": 0}), "concurrency"),
            (
                serde_json::json!({"filter": {}, "canary": {"percent": 51}}),
                "canary.percent",
            ),
            (
                serde_json::json!({"filter": {}, "canary": {"count": 0}}),
                "canary.count",
            ),
            (serde_json::json!({"filter": {}, "halt": {"percent": 0}}), "halt"),
            (
                serde_json::json!({"filter": {}, "ends_at": "1970-01-01T00:00:00Z"}),
                "ends_at",
            ),
            (
                serde_json::json!({"filter": {}, "start_at": "1980-01-01T00:00:00Z"}),
                "start_at",
            ),
            (
                serde_json::json!({"filter": {}, "start_at": "1969-12-31T00:00:00Z"}),
                "start_at",
            ),
            (serde_json::json!({"filter": {"colour": 1}}), "colour"),
        ] {
            let said = refused(body.clone());
            assert!(said.contains(field), "{body}: {said}");
        }
    }

    #[test]
    fn a_first_cohort_is_never_empty_and_never_more_than_all() {
        assert_eq!(Canary::Percent(1).of(100_000), 1_000);
        assert_eq!(Canary::Percent(1).of(7), 1);
        assert_eq!(Canary::Count(50).of(7), 7);
        assert_eq!(Canary::Count(3).of(0), 0);
    }
}

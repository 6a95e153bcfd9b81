//! A run: one renewal of one policy, and where it stands.

mod advance;
mod amend;
mod begin;
mod checkpoint;
mod intent;
mod outcome;
mod planned;
mod product;
mod progress;
mod queue;
mod step;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::disposition::{ErrorCode, Failure, Question};
use crate::host::Criticality;
use crate::ids::{HostId, JobId, PolicyId, RunId, WorkspaceId};
use crate::limit::Bucket;
use crate::names::Hostname;

pub use advance::{Event, Ignored, advance, outwaits_at};
pub use amend::{Amended, Today, amend, of_the_next};
pub use checkpoint::{AcmeOrder, Checkpoint};
pub use intent::Intent;
pub use outcome::Outcome;
pub use product::{
    Check, Former, IssuedCertificate, Left, PreparedKey, Product, Receipt, Rehearsal, RolledBack, Verified,
};
pub use progress::{Failover, RunProgress, TargetLook, TargetState, TargetsFound, Unproven};
pub use queue::{keeps_window, place, queue};
pub use step::{Step, StepKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    DryRun,
}

impl Mode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::DryRun => "dry_run",
        }
    }
}

/// Who or what asked for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Operator,
    Bulk,
    Schedule,
    Request,
}

impl Trigger {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Bulk => "bulk",
            Self::Schedule => "schedule",
            Self::Request => "request",
        }
    }
}

/// The column of the board. A policy without an active run shows `idle`, which is no status of a
/// run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Queued,
    Running,
    Succeeded,
    Failed,
    NeedsManual,
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::NeedsManual,
        Self::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NeedsManual => "needs_manual",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub const fn is_ending(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running | Self::NeedsManual => false,
        }
    }
}

/// What never changes about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    pub id: RunId,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub policy_id: PolicyId,
    pub hostname: Hostname,
    pub criticality: Criticality,
    pub mode: Mode,
    pub trigger: Trigger,
    /// Who asked, as the console or the request names them.
    pub operator: String,
    /// The bulk renewal that it belongs to.
    #[serde(default)]
    pub job: Option<JobId>,
    pub created_at: Timestamp,
}

/// Where a run stands. Only `advance` makes the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    pub position: Position,
    /// The number of the last order; counts through all steps of the run.
    pub attempt: u32,
    /// Failures of the current step in a row.
    pub failures: u32,
    /// What the current step has reached so far; goes out with its next order.
    pub checkpoint: Option<Checkpoint>,
    /// Who asked for the end; what was begun is still finished or removed.
    pub cancelled_by: Option<String>,
    pub progress: RunProgress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Its next order waits for a place in its lane, not before `until`.
    Waiting {
        step: Step,
        until: Timestamp,
        because: Because,
    },
    /// An order is out; past the deadline it is ordered again.
    Out {
        step: Step,
        deadline: Timestamp,
    },
    /// A person must answer.
    Asking {
        step: Step,
        question: Question,
        /// No person need answer: the step tries again by itself then.
        retry_at: Option<Timestamp>,
    },
    Ended {
        ending: Ending,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Because {
    /// For a free place only.
    Turn,
    /// The plan of its job begins it later.
    Planned,
    /// The world needs time; no error.
    Resting,
    /// The last try failed.
    Retry { failure: Failure },
    /// For the next opening of a maintenance window.
    Window,
    /// For the end of the policy's cooldown.
    Cooldown,
    /// For a token of a CA's limit; `name` is how people call it.
    Limit {
        name: String,
        bucket: Bucket,
        /// Many may wait for it: they stand in its own queue, and `until` is when the first of them
        /// may go.
        #[serde(default)]
        shared: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    Succeeded,
    Failed {
        failure: Failure,
        /// Where; a retry begins there.
        #[serde(default)]
        at: Option<Step>,
    },
    Cancelled {
        by: String,
        /// What it has changed and not taken back, target by target.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stays: Vec<String>,
    },
}

impl RunState {
    /// When the maintenance window opens for which it waits.
    pub fn window_opens_at(&self) -> Option<Timestamp> {
        match &self.position {
            Position::Waiting {
                until,
                because: Because::Window,
                ..
            } => Some(*until),
            Position::Waiting { .. } | Position::Out { .. } | Position::Asking { .. } | Position::Ended { .. } => None,
        }
    }

    pub fn status(&self) -> Status {
        match &self.position {
            Position::Waiting { .. } if self.attempt == 0 => Status::Queued,
            Position::Waiting { .. } | Position::Out { .. } => Status::Running,
            Position::Asking { .. } => Status::NeedsManual,
            Position::Ended {
                ending: Ending::Succeeded,
            } => Status::Succeeded,
            Position::Ended {
                ending: Ending::Failed { .. },
            } => Status::Failed,
            Position::Ended {
                ending: Ending::Cancelled { .. },
            } => Status::Cancelled,
        }
    }

    /// What it failed of, or asks a person about.
    pub fn trouble(&self) -> Option<&ErrorCode> {
        match &self.position {
            Position::Asking { question, .. } => Some(&question.code),
            Position::Ended {
                ending: Ending::Failed { failure, .. },
            } => Some(&failure.code),
            Position::Waiting { .. } | Position::Out { .. } | Position::Ended { .. } => None,
        }
    }

    pub fn step(&self) -> Option<Step> {
        match &self.position {
            Position::Waiting { step, .. } | Position::Out { step, .. } | Position::Asking { step, .. } => Some(*step),
            Position::Ended { .. } => None,
        }
    }
}

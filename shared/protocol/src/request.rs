//! What other systems, the console and the CLI ask of the planner, and what it answers.

use domain::Invalid;
use domain::run::{Mode, Trigger};
use domain::{Hostname, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// `vigilo.request.<workspace>.renew`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    pub hostnames: Vec<Hostname>,
    /// Absent: as each policy says.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The same key asks once, however often it is sent.
    pub idempotency_key: String,
    pub requested_by: String,
    #[serde(default = "by_request")]
    pub trigger: Trigger,
}

fn by_request() -> Trigger {
    Trigger::Request
}

/// `vigilo.request.<workspace>.resume`, `.retry` and `.cancel`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    pub run_id: RunId,
    pub requested_by: String,
}

/// `vigilo.request.<workspace>.probe`: look at these hosts now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeRequest {
    pub hostnames: Vec<Hostname>,
    pub requested_by: String,
}

/// The last token of a request's subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Renew,
    Resume,
    Retry,
    Cancel,
    Probe,
}

impl Verb {
    pub const ALL: [Self; 5] = [Self::Renew, Self::Resume, Self::Retry, Self::Cancel, Self::Probe];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Probe => "probe",
        }
    }
}

/// The planner's answer, given after its commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Every hostname is in one of the two lists.
    Renewal {
        accepted: Vec<Accepted>,
        refused: Vec<Refused>,
    },
    Done {
        run_id: RunId,
    },
    /// Every hostname is in one of the two lists. A host has been looked at when the ask of this instant, or of a later
    /// one, is answered.
    Probing {
        asked_at: Timestamp,
        asked: Vec<Hostname>,
        refused: Vec<Refused>,
    },
    /// The request as a whole was refused.
    Rejected {
        reason: Invalid,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub hostname: Hostname,
    pub run_id: RunId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub hostname: Hostname,
    pub reason: Invalid,
}

//! What a request is answered with.

use domain::job::{JobState, Progress, Totals};
use domain::{Hostname, Invalid, JobId, RunId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The planner's answer, given after its commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Every hostname is in one of the two lists.
    Renewal {
        accepted: Vec<Accepted>,
        refused: Vec<Refused>,
        /// They are renewed all the same; a person should know this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
    },
    Done {
        run_id: RunId,
        #[serde(default, skip_serializing_if = "Amendment::is_empty")]
        amendment: Amendment,
    },
    /// Every run is in one of the first two lists.
    Told {
        done: Vec<RunId>,
        refused: Vec<RefusedRun>,
        /// Of those that go on: which differ from today's policy, or did.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        amended: Vec<AmendedRun>,
    },
    /// Every hostname is in one of the two lists. A host has been looked at when the ask of this
    /// instant, or of a later one, is answered.
    Probing {
        asked_at: Timestamp,
        asked: Vec<Hostname>,
        refused: Vec<Refused>,
    },
    /// A job was accepted; `job-show` says how it goes on.
    Job {
        job_id: JobId,
    },
    JobStands(Box<JobStanding>),
    /// The consumer is there: pull from it by this name, in the stream RUNS.
    Events {
        consumer: String,
    },
    /// The request as a whole was refused.
    Rejected {
        reason: Invalid,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    pub hostname: Hostname,
    pub run_id: RunId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    pub hostname: Hostname,
    pub reason: Invalid,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRun {
    pub run_id: RunId,
    pub reason: Invalid,
}

/// What a run took from today's policy when a person let it go on; empty when the two agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amendment {
    /// What is otherwise in its plan now, each in one sentence without its full stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What only a new certificate can take from the policy: it is of the next run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_taken: Vec<String>,
}

impl Amendment {
    pub const fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.not_taken.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AmendedRun {
    pub run_id: RunId,
    #[serde(flatten)]
    pub amendment: Amendment,
}

/// How a job stands at this instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobStanding {
    pub job_id: JobId,
    pub state: JobState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The plan in numbers, complete once it is `planned`.
    pub totals: Totals,
    /// Of its runs; all zero before the commit.
    pub progress: Progress,
    /// When it will have ended, at its pace so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
}

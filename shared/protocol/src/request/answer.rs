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
    },
    /// Every run is in one of the two lists.
    Told {
        done: Vec<RunId>,
        refused: Vec<RefusedRun>,
    },
    /// Every hostname is in one of the two lists. A host has been looked at when the ask of this instant, or of a later
    /// one, is answered.
    Probing {
        asked_at: Timestamp,
        asked: Vec<Hostname>,
        refused: Vec<Refused>,
    },
    /// A job was taken in hand; `job-show` says how it goes on.
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

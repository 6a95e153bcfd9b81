//! Emergencies: many certificates that a CA wants renewed at once.

use domain::ari::Deadlines;
use domain::ca::CaRef;
use domain::host::Criticality;
use domain::run::Status;
use domain::{Hostname, IncidentId, JobId, RunId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::renewals::Answered;

/// What a CA wants renewed at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Emergency {
    /// Of its incident too.
    pub id: IncidentId,
    pub directory_url: CaRef,
    pub opened_at: Timestamp,
    /// The CA's page that says why.
    pub explanation_url: Option<String>,
    /// Called for when it was opened.
    pub certificates: i64,
    /// That this CA issued here.
    pub of_all: i64,
    /// Still served.
    pub left: i64,
    pub ended_at: Option<Timestamp>,
    #[serde(flatten)]
    pub deadlines: Deadlines,
}

/// An emergency with the hosts that are left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyDetail {
    #[serde(flatten)]
    pub emergency: Emergency,
    /// Jobs, planned from what was left when it was noticed; they may be committed.
    pub plans: Vec<JobId>,
    /// In the order in which they are renewed.
    pub hosts: Vec<CalledHost>,
}

/// A host that still serves what the CA wants replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalledHost {
    pub hostname: Hostname,
    pub criticality: Criticality,
    pub called_at: Timestamp,
    pub expires_at: Timestamp,
    /// Otherwise a person must ask for it.
    pub renews_itself: bool,
    /// Its live run since the call.
    pub run_id: Option<RunId>,
    pub status: Option<Status>,
}

/// What is renewed, and what is not asked for because it is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyRenewal {
    #[serde(flatten)]
    pub answered: Answered,
    /// Hosts with a run that has not ended.
    pub on_their_way: usize,
}

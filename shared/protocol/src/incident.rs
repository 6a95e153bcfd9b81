//! What people do to incidents: the console asks, the incident service does it and answers. By core NATS: who gets no answer looks
//! at the incident, and asks again where nothing was done.
//!
//! In: an act of a person. Out: whether it was done. Never: a secret; the incident itself, which is in the record.

use domain::IncidentId;
use domain::incident::State;
use serde::{Deserialize, Serialize};

/// `vigilo.incident.act.<workspace>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentActAsk {
    pub schema: u16,
    pub incident_id: IncidentId,
    pub act: IncidentAct,
    /// Who does it.
    pub by: String,
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentAct {
    /// A person works on it.
    Acknowledge,
    /// A person says that it is over, whatever its runs say.
    Close,
}

/// Given after the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum IncidentActAnswer {
    Done,
    /// It stands where this cannot be done.
    OutOfPlace {
        state: State,
    },
    /// The workspace has no such incident.
    Unknown,
    /// The incident service does not reach its database now; nothing was done.
    Unavailable,
    /// It cannot be done, as often as it is asked; the log of the incident service says why.
    Failed,
}

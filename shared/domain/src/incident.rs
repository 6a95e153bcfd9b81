//! Incidents: what a person is told about, and how urgent it is.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::host::Criticality;
use crate::ids::{HostId, IncidentId, RunId, WorkspaceId};
use crate::names::Hostname;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Sev1,
    Sev2,
    Sev3,
    Sev4,
}

impl Severity {
    pub const fn of(criticality: Criticality) -> Self {
        match criticality {
            Criticality::Critical => Self::Sev1,
            Criticality::High => Self::Sev2,
            Criticality::Medium => Self::Sev3,
            Criticality::Low => Self::Sev4,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sev1 => "sev1",
            Self::Sev2 => "sev2",
            Self::Sev3 => "sev3",
            Self::Sev4 => "sev4",
        }
    }
}

/// Opened once for a run that failed or needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub run_id: RunId,
    pub hostname: Hostname,
    pub severity: Severity,
    pub title: String,
    pub detail: String,
    pub opened_at: Timestamp,
}

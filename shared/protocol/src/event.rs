//! `vigilo.run.<workspace>.<run_id>.<status>`: one message for every change of a run's status.

use domain::disposition::{Failure, Question};
use domain::host::Criticality;
use domain::run::{Mode, Status, Step, Trigger};
use domain::{HostId, Hostname, JobId, PolicyId, RunId, Timestamp, WorkspaceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvent {
    pub schema: u16,
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub policy_id: PolicyId,
    pub hostname: Hostname,
    pub criticality: Criticality,
    pub mode: Mode,
    pub trigger: Trigger,
    pub operator: String,
    /// The bulk renewal that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    pub status: Status,
    /// Where the run stands; of one that has failed: where it failed.
    pub step: Option<Step>,
    /// Number of the last order when the status changed: with run and status it names the event.
    pub attempt: u32,
    pub at: Timestamp,
    pub failure: Option<Failure>,
    pub question: Option<Question>,
}

impl RunEvent {
    pub fn message_id(&self) -> String {
        format!("{}.{}.{}", self.run_id, self.status.as_str(), self.attempt)
    }
}

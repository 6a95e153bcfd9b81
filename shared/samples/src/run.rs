use domain::host::Criticality;
use domain::run::{Mode, RunHead, Trigger};
use domain::{HostId, PolicyId, RunId, Timestamp, WorkspaceId};

/// A live run that a person asked for, in the default workspace.
pub fn run_head(hostname: &str) -> RunHead {
    RunHead {
        id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        host_id: HostId::new(),
        policy_id: PolicyId::new(),
        hostname: hostname.parse().expect("a hostname"),
        criticality: Criticality::default(),
        mode: Mode::Live,
        trigger: Trigger::Operator,
        operator: "owner".to_owned(),
        job: None,
        created_at: Timestamp::EPOCH,
    }
}

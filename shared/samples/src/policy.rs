use domain::host::Criticality;
use domain::policy::{NewPolicy, Policy, PolicyFacts};
use domain::{HostId, PolicyId, Timestamp, WorkspaceId};
use serde_json::{Value, json};

use crate::plan::CA;
use crate::target::file;
use crate::with;

/// One ACME CA, one file target.
pub fn new_policy(hostname: &str) -> NewPolicy {
    new_policy_with(hostname, json!({}))
}

pub fn new_policy_with(hostname: &str, changes: Value) -> NewPolicy {
    let whole = json!({
        "hostname": hostname, "provider": "acme", "directory_url": CA, "targets": [file(hostname)],
    });
    serde_json::from_value(with(whole, changes)).expect("a policy")
}

/// Of `www.example.org`, in the default workspace.
pub fn policy(changes: Value) -> Policy {
    policy_of(new_policy_with("www.example.org", changes))
}

fn policy_of(spec: NewPolicy) -> Policy {
    Policy {
        id: PolicyId::new(),
        workspace: WorkspaceId::default_workspace(),
        host_id: HostId::new(),
        spec,
        created_at: Timestamp::EPOCH,
    }
}

/// What is known of the policy of `www.example.org`: it has never been renewed, and nothing is served.
pub fn policy_facts(changes: Value) -> PolicyFacts {
    facts_of(new_policy_with("www.example.org", changes))
}

pub fn facts_of(spec: NewPolicy) -> PolicyFacts {
    PolicyFacts {
        policy: policy_of(spec),
        port: 443,
        addresses: Vec::new(),
        criticality: Criticality::default(),
        last_live_at: None,
        served_until: None,
        tag_windows: Vec::new(),
        renewal: None,
    }
}

use domain::plan::Plan;
use serde_json::{Value, json};

use crate::target::file;
use crate::with;

/// The CA that every sample asks.
pub const CA: &str = "https://ca.example.org/dir";

/// Of a policy as [`crate::new_policy`] has it.
pub fn plan(hostname: &str) -> Plan {
    plan_with(hostname, json!({}))
}

pub fn plan_with(hostname: &str, changes: Value) -> Plan {
    let whole = json!({
        "hostname": hostname, "port": 443, "addresses": [], "criticality": "medium", "names": [hostname],
        "choice": {"provider": "acme", "directory_url": CA, "why": "the policy names it", "cost_micro_usd": 0},
        "key_source": {"kind": "local"}, "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01",
        "targets": [file(hostname)],
    });
    serde_json::from_value(with(whole, changes)).expect("a plan")
}

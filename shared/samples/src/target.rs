use domain::target::Target;
use serde_json::{Value, json};

use crate::with;

/// Files that are called after `name`: no two names share one.
pub fn file_target(name: &str) -> Target {
    file_target_with(name, json!({}))
}

pub fn file_target_with(name: &str, changes: Value) -> Target {
    serde_json::from_value(with(file(name), changes)).expect("a target")
}

pub(crate) fn file(name: &str) -> Value {
    let path = |half: &str| format!("/etc/tls/{name}.{half}");
    json!({"kind": "file", "chain_path": path("crt"), "key_path": path("key")})
}

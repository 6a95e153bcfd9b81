use domain::provider::ProviderEntry;
use serde_json::{Value, json};

use crate::with;

/// An ACME CA of the workspace's own with the abilities that an ACME CA has, at a directory that is called after its id.
pub fn provider(id: &str, changes: Value) -> ProviderEntry {
    let whole = json!({
        "id": id, "scope": "workspace", "kind": "acme", "title": id, "directory_url": format!("https://{id}.example.org/dir"),
        "staging_url": null, "price": {"micro_usd": 0}, "abilities": {}, "max_validity_days": 90, "source": "a test",
        "last_verified": "2026-09-01", "enabled": true, "served": true, "rank": 100,
    });
    serde_json::from_value(with(whole, changes)).expect("a provider")
}

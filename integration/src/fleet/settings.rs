//! Settings that every fleet of a test has, and how they are written.
//!
//! In: JSON values. Out: TOML. Touches: nothing.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::ORDERS_PER_PEBBLE;
use crate::Estate;

pub(super) fn windows() -> Value {
    json!({"acme_orders_per_ca": ORDERS_PER_PEBBLE, "slow_acme_orders_per_ca": 0})
}

/// As many tries as in production, without its minutes; what nobody answers is not tried again within a story.
pub(super) fn ladder() -> Value {
    json!({"rungs_seconds": [1, 1, 1], "then_seconds": 86_400})
}

/// The estates begin with old certificates: nothing shall renew itself before a story says so.
pub(super) fn by_hand() -> Value {
    json!({"enabled": false})
}

pub(super) fn issuer(estate: &Estate) -> Value {
    json!({
        "http01_listen": format!("127.0.0.1:{}", estate.http01.number()), "directories": estate.directories(),
        "resolvers": estate.resolvers(), "request_timeout_seconds": 10,
    })
}

/// Tables are merged, everything else is replaced.
pub(crate) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// JSON values as TOML: inline tables of JSON's own spelling are enough for a configuration.
pub(super) fn toml(values: &Value) -> Result<String> {
    let object = values.as_object().context("a configuration is a table")?;
    Ok(object
        .iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}\n", inline(value)?)))
        .collect())
}

fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(table) => {
            let pairs = table
                .iter()
                .filter_map(|(key, value)| Some(format!("{key} = {}", inline(value)?)));
            Some(format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")))
        }
        Value::Array(items) => Some(format!(
            "[{}]",
            items.iter().filter_map(inline).collect::<Vec<_>>().join(", ")
        )),
        plain @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(plain.to_string()),
    }
}

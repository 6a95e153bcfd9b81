//! Every operation of the API, by noun.

mod inventory;
mod renewing;

use serde_json::{Value, json};

use super::operation::Operation;

/// Every operation, in the order in which readers meet them.
pub fn operations() -> Vec<Operation> {
    let all = [
        inventory::about(),
        inventory::hosts(),
        inventory::policies(),
        inventory::budget(),
        inventory::pacing(),
        inventory::providers(),
        renewing::jobs(),
        renewing::runs(),
        renewing::acts(),
        renewing::emergencies(),
        renewing::incidents(),
    ];
    all.into_iter().flatten().collect()
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn yes_or_no() -> Value {
    json!({ "type": "boolean", "default": false })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

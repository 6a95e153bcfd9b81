//! What other systems may send, and what they get to read, as JSON schemas (draft 2020-12), made
//! from the types.
//!
//! `cargo xtask schema` writes them to `shared/protocol/schema`; a test fails when they are stale.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::SCHEMA;
use crate::event::RunEvent;
use crate::request::{
    Answer, BulkCommitRequest, BulkPlanRequest, EventsRequest, JobRequest, ProbeRequest, RenewRequest, ResolveRequest,
    RunRequest, RunsRequest, Verb,
};

/// Name of the file without its ending, and the schema.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("request-renew", request::<RenewRequest>()),
        ("request-run", request::<RunRequest>()),
        ("request-runs", request::<RunsRequest>()),
        ("request-resolve", request::<ResolveRequest>()),
        ("request-probe", request::<ProbeRequest>()),
        ("request-bulk-plan", request::<BulkPlanRequest>()),
        ("request-bulk-commit", request::<BulkCommitRequest>()),
        ("request-job", request::<JobRequest>()),
        ("request-events", request::<EventsRequest>()),
        ("answer", said::<Answer>()),
        ("event", said::<RunEvent>()),
    ]
}

/// The schemas that a request of this verb may follow, by name. All are answered as `answer` says.
pub const fn of(verb: Verb) -> &'static [&'static str] {
    match verb {
        Verb::Renew => &["request-renew"],
        Verb::Resume | Verb::Retry | Verb::Cancel => &["request-run", "request-runs"],
        Verb::Resolve => &["request-resolve"],
        Verb::Probe => &["request-probe"],
        Verb::BulkPlan => &["request-bulk-plan"],
        Verb::BulkCommit => &["request-bulk-commit"],
        Verb::JobPause | Verb::JobResume | Verb::JobCancel | Verb::JobShow => &["request-job"],
        Verb::Events => &["request-events"],
    }
}

/// The text of a file.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Every request may carry its version (see `request::readable`), which is no field of the types.
fn request<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let version = json!({
        "description": "The version that this request is written in.",
        "type": "integer", "minimum": 1, "maximum": SCHEMA, "default": 1,
    });
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("schema".to_owned(), version);
    }
    sorted(schema)
}

fn said<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    sorted(settings.into_generator().into_root_schema_for::<T>().to_value())
}

/// Sorts the keys, so that the text does not depend on whether some crate of the build keeps the
/// order of JSON fields.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            let sorted: Map<String, Value> = fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(sorted)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

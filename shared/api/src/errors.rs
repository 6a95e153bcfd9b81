//! Refusals (RFC 9457), and what their codes mean.

use domain::Invalid;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Why something was not done, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:vigilo:error:` and the code, which stays the same for ever.
    #[schemars(schema_with = "problem_types")]
    pub r#type: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// Path of the page that explains the code.
    pub help: String,
    /// Each field that was refused.
    pub errors: Vec<Invalid>,
}

/// What the console may refuse something with: code, status, title.
pub const PROBLEMS: [(&str, u16, &str); 18] = [
    ("API-0001", 400, "The body is not JSON"),
    ("API-0002", 422, "A value was refused"),
    ("API-0003", 409, "It exists already"),
    ("API-0004", 404, "There is no such thing"),
    ("API-0005", 404, "There is no such path"),
    ("API-0006", 405, "The path does not know this method"),
    ("API-0007", 413, "The body is too large"),
    ("API-0008", 401, "A token is needed"),
    ("API-0009", 409, "That cannot be done now"),
    ("API-0010", 503, "The database is out of reach"),
    ("API-0011", 503, "NATS is out of reach"),
    ("API-0012", 504, "The planner has not answered yet"),
    ("API-0013", 500, "Something cannot be read or written"),
    ("API-0014", 504, "It took too long"),
    ("API-0015", 503, "The key-signer does not seal"),
    ("API-0016", 503, "Too much is asked at once"),
    ("API-0017", 500, "The console met a defect of its own"),
    ("API-0018", 503, "The incident service does not answer"),
];

fn problem_types(_: &mut SchemaGenerator) -> Schema {
    let one = |(code, status, title): (&str, u16, &str)| {
        let name = format!("urn:vigilo:error:{code}");
        json!({ "const": name, "title": title, "description": status.to_string() })
    };
    json_schema!({ "oneOf": PROBLEMS.map(one) })
}

/// What an error code means, what the system did, and what you can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub code: String,
    /// In brackets what becomes of the step, or the status of the answer.
    pub title: String,
    pub what_it_means: String,
    pub what_the_system_did: String,
    pub what_you_can_do: String,
}

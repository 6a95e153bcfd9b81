//! Problem documents (RFC 8555 §6.7), as the CA writes them.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that the CA does not follow.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
}

impl Refusal {
    pub(super) fn new(status: u16, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            body: document(kind, &detail.into()),
        }
    }

    pub(super) fn of(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed", detail)
    }

    pub(super) fn deactivated() -> Self {
        Self::new(403, "unauthorized", "the account is deactivated")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "malformed", "there is no such resource")
    }
}

pub(super) fn document(kind: &str, detail: &str) -> Value {
    json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail})
}

/// One document for several names, each with its own (RFC 8555 §6.7.1).
pub(super) fn compound(names: &[(String, Value)]) -> Value {
    let mut whole = document("compound", "several names failed");
    let parts = names.iter().map(|(name, problem)| {
        let mut part = problem.clone();
        part["identifier"] = json!({"type": "dns", "value": name});
        part
    });
    whole["subproblems"] = parts.collect();
    whole
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(CONTENT_TYPE, "application/problem+json")];
        (status, kind, self.body.to_string()).into_response()
    }
}

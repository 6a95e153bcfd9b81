//! Policies, and when they renew themselves.

use domain::ca::CaRef;
use domain::{Timestamp, policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A policy with the status of its newest run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownPolicy")]
pub struct Policy {
    #[serde(flatten)]
    pub policy: policy::Policy,
    /// Of the newest run; `idle` without one.
    pub status: String,
    /// When it renews itself.
    pub due_at: Option<Timestamp>,
    /// Why then, or why not.
    pub due_why: Option<String>,
    /// What the CA says about the certificate that is served (ARI, RFC 9773); null before it was asked.
    pub renewal_info: Option<RenewalInfo>,
}

/// What a CA says about one certificate (RFC 9773).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewalInfo {
    pub directory_url: CaRef,
    pub window_start: Option<Timestamp>,
    pub window_end: Option<Timestamp>,
    /// The CA's page that says why.
    pub explanation_url: Option<String>,
    pub answered_at: Option<Timestamp>,
    pub next_ask_at: Option<Timestamp>,
    /// Why there is no window.
    pub last_error: Option<String>,
}

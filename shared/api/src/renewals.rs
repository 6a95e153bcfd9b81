//! Asking for runs.

use domain::Invalid;
use domain::plan::Strategy;
use domain::run::Mode;
use protocol::request::Accepted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lists::Bounded;

/// Which hostnames are renewed, and how: either `hostnames`, or `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostnames: Option<Bounded<String>>,
    /// Every hostname that has an active policy.
    #[serde(default)]
    pub all: bool,
    /// Absent: as each policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Absent: each policy's own provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Requests with one key are carried out once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 180))]
    pub idempotency_key: Option<String>,
    /// Outside the maintenance windows too.
    #[serde(default)]
    pub at_once: bool,
    /// Inside a cooldown: wait for its end instead of being refused.
    #[serde(default)]
    pub when_allowed: bool,
}

/// What the planner made of it: every hostname is in one of the two lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    pub accepted: Vec<Accepted>,
    pub refused: Vec<RefusedHostname>,
    /// What a person should know of those that are accepted; absent when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What was asked for may be no hostname at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedHostname {
    pub hostname: String,
    pub reason: Invalid,
}

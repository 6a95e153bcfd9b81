//! A report: how one order ended, with everything worth keeping about it.

use std::collections::BTreeMap;

use domain::certificate::Snapshot;
use domain::run::{Check, Outcome, Step};
use domain::{RunId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: u16,
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    pub step: Step,
    pub attempt: u32,
    /// Which process did it, for example `issuer@host-1/4711`.
    pub worker: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    #[serde(flatten)]
    pub outcome: Outcome,
    #[serde(default)]
    pub notes: Notes,
}

impl Report {
    pub fn message_id(&self) -> String {
        format!("{}.{}.{}", self.run_id, self.step, self.attempt)
    }
}

/// What a handler wrote down while it worked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    #[serde(default)]
    pub checks: Vec<Check>,
    #[serde(default)]
    pub log: Vec<LogLine>,
    /// The raw ACME exchange, redacted.
    #[serde(default)]
    pub exchange: Vec<Exchange>,
    /// What was seen by a step that failed; a product carries its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshot>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Timestamp,
    pub level: Level,
    pub message: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// One HTTP request to a CA and its answer; signatures, nonces and tokens are cut out before it gets here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub at: Timestamp,
    pub method: String,
    pub url: String,
    /// The decoded payload of the JWS, or nothing.
    pub request: String,
    /// 0 when no answer came.
    pub status: u16,
    pub response: String,
    pub took_ms: u32,
}

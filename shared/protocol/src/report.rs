//! A report: how one order ended, with everything worth keeping about it.

use std::collections::BTreeMap;

use domain::certificate::Snapshot;
use domain::run::{Check, Outcome, Product, Step, StepKind};
use domain::text::clean;
use domain::{RunId, Timestamp, WorkspaceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::subjects::Worker;

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
    #[serde(flatten, with = "crate::outcome")]
    pub outcome: Outcome,
    #[serde(default)]
    pub notes: Notes,
}

impl Report {
    pub fn message_id(&self) -> String {
        format!("{}.{}.{}", self.run_id, self.step, self.attempt)
    }

    /// What in it is another service's to say, if anything.
    pub fn foreign_part(&self) -> Option<&'static str> {
        let (kind, worker) = (self.step.kind(), Worker::of(self.step.kind()));
        let seen = |snapshots: &[Snapshot]| !snapshots.is_empty() && worker != Worker::Verifier;
        match &self.outcome {
            Outcome::Done { product } if !product.fits(kind) => return Some("the product of another step"),
            Outcome::Done {
                product: Product::Rehearsed(rehearsal),
            } if seen(&rehearsal.snapshots) => return Some("what a verifier has seen"),
            // Only a step at a CA is saved on its way.
            Outcome::Resting { .. } if kind != StepKind::Issue => return Some("a checkpoint of an issuer"),
            Outcome::Done { .. }
            | Outcome::Resting { .. }
            | Outcome::Retry { .. }
            | Outcome::Failed { .. }
            | Outcome::Stuck { .. } => {}
        }
        if seen(&self.notes.snapshots) {
            return Some("what a verifier has seen");
        }
        (!self.notes.exchange.is_empty() && worker != Worker::Issuer).then_some("an exchange with a CA")
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    pub at: Timestamp,
    pub level: Level,
    pub message: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One HTTP request to a CA and its answer; signatures, nonces and tokens are cut out before it gets here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

impl Exchange {
    /// A CA, or a proxy before it, answers with any bytes: control characters are replaced.
    #[must_use]
    pub fn cleaned(mut self) -> Self {
        for text in [&mut self.method, &mut self.url, &mut self.request, &mut self.response] {
            *text = clean(std::mem::take(text));
        }
        self
    }
}

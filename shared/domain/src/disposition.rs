//! What becomes of a step that could not be finished, sorted by what can be done about it.

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A stable code such as `ISS-0007`; each has a paragraph in the `ERRORS.md` of its service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ErrorCode(String);

impl ErrorCode {
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a step did not succeed: in plain words, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub code: ErrorCode,
    /// What happened, with what the other side said.
    pub what: String,
    /// How it is mended.
    pub hint: String,
    /// The addresses where it was seen, when a look at the host found it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_at: Vec<SocketAddr>,
}

impl Failure {
    pub fn new(code: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::new(code),
            what: what.into(),
            hint: hint.into(),
            seen_at: Vec::new(),
        }
    }

    #[must_use]
    pub fn seen_at(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.seen_at = addresses;
        self
    }

    /// The same failure put to a person who may resume, resolve it by hand or cancel.
    pub fn ask(self) -> Question {
        Question {
            code: self.code,
            what: self.what,
            hint: self.hint,
            answers: vec![Answer::Resume, Answer::Resolve, Answer::Cancel],
            seen_at: self.seen_at,
        }
    }
}

/// What a person is asked when a run cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    pub code: ErrorCode,
    pub what: String,
    pub hint: String,
    /// The buttons that are offered.
    pub answers: Vec<Answer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_at: Vec<SocketAddr>,
}

impl Question {
    /// The same as a failure, for a step that is tried again without an answer.
    pub fn as_failure(&self) -> Failure {
        Failure {
            code: self.code.clone(),
            what: self.what.clone(),
            hint: self.hint.clone(),
            seen_at: self.seen_at.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Go on at the step that failed.
    Resume,
    /// Go on with a certificate that was got and uploaded by hand.
    Resolve,
    /// Give the run up.
    Cancel,
}

/// A handler's judgement of its own error; made in `verdict.rs`, nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The world may be better at that instant.
    RetryAt(Timestamp, Failure),
    /// Nothing has failed that a person could mend: a limit of the other side, or our own fleet, which comes back.
    WaitUntil(Timestamp, Failure),
    /// Nothing to resume: the policy itself cannot work.
    Fail(Failure),
    /// A person must do something first.
    NeedsHuman(Question),
}

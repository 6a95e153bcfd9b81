//! What becomes of a step that could not be finished, sorted by what can be done about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A stable code such as `ISS-0007`; each has a paragraph in `docs/errors.md`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: ErrorCode,
    /// What happened, with what the other side said.
    pub what: String,
    /// How it is mended.
    pub hint: String,
}

impl Failure {
    pub fn new(code: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::new(code),
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The same failure put to a person who may resume or cancel.
    pub fn ask(self) -> Question {
        Question {
            code: self.code,
            what: self.what,
            hint: self.hint,
            answers: vec![Answer::Resume, Answer::Cancel],
        }
    }
}

/// What a person is asked when a run cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub code: ErrorCode,
    pub what: String,
    pub hint: String,
    /// The buttons that are offered.
    pub answers: Vec<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Go on at the step that failed.
    Resume,
    /// Give the run up.
    Cancel,
}

/// A handler's judgement of its own error; made in `verdict.rs`, nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The world may be better at that instant.
    RetryAt(Timestamp, Failure),
    /// Nothing to resume: the policy itself cannot work.
    Fail(Failure),
    /// A person must do something first.
    NeedsHuman(Question),
}

//! What becomes of a step that could not be finished, sorted by what can be done about it.

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::cause::{self, Cause};
use crate::clock::Timestamp;
use crate::text::clean;

/// A stable code such as `ISS-0007`; `shared/codes` explains each.
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
    /// It says nothing against what is installed: no target is put back for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_installed: bool,
    /// Whose trouble it is; nothing: the worker has not said, and nothing is decided by it.
    #[serde(default, deserialize_with = "cause::known", skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl Failure {
    /// What others said is in it: control characters are replaced.
    pub fn new(code: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::new(code),
            what: clean(what),
            hint: clean(hint),
            seen_at: Vec::new(),
            keep_installed: false,
            cause: None,
        }
    }

    #[must_use]
    pub fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    /// No person could fix it, and it passes.
    pub fn passes_by_itself(&self) -> bool {
        self.cause.as_ref().is_some_and(Cause::passes_by_itself)
    }

    #[must_use]
    pub fn keep_installed(self) -> Self {
        Self {
            keep_installed: true,
            ..self
        }
    }

    #[must_use]
    pub fn seen_at(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.seen_at = addresses;
        self
    }

    /// This failure as a question to a person who may resume, resolve it by hand or cancel.
    pub fn ask(self) -> Question {
        Question {
            code: self.code,
            what: self.what,
            hint: self.hint,
            answers: vec![AnswerKind::Resume, AnswerKind::Resolve, AnswerKind::Cancel],
            further: Vec::new(),
            seen_at: self.seen_at,
            keep_installed: self.keep_installed,
            cause: self.cause,
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
    pub answers: Vec<AnswerKind>,
    /// What else this question may be answered with.
    #[serde(default, deserialize_with = "known_ones", skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherAnswer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_at: Vec<SocketAddr>,
    /// It says nothing against what is installed: no target is put back for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_installed: bool,
    /// Whose trouble it is.
    #[serde(default, deserialize_with = "cause::known", skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl Question {
    #[must_use]
    pub fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    #[must_use]
    pub fn offering(self, further: &[FurtherAnswer]) -> Self {
        let further = further.to_vec();
        Self { further, ..self }
    }

    /// This question as a failure, for a step that is tried again without an answer.
    pub fn as_failure(&self) -> Failure {
        Failure {
            code: self.code.clone(),
            what: self.what.clone(),
            hint: self.hint.clone(),
            seen_at: self.seen_at.clone(),
            keep_installed: self.keep_installed,
            cause: self.cause.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Go on at the step that failed.
    Resume,
    /// Go on with a certificate that was got and uploaded by hand.
    Resolve,
    /// Give the run up.
    Cancel,
}

/// Answers that only some questions have. They stand apart from the others because versions before
/// do not read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FurtherAnswer {
    /// Begin a new account at the CA that refuses the present one: resume with `new_account`.
    NewAccount,
    /// A good certificate is in place: resolve with it as `already_installed`.
    AlreadyInstalled,
    /// What the host serves is right: resolve with `served`.
    TakeServed,
}

/// What a later version offers besides is left out: its other answers are of use all the same.
fn known_ones<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<FurtherAnswer>, D::Error> {
    let all = Vec::<serde_json::Value>::deserialize(from)?.into_iter();
    Ok(all.filter_map(|one| serde_json::from_value(one).ok()).collect())
}

/// A handler's judgement of its own error; made in `verdict.rs`, nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The world may be better at that instant. How long it is tried is up to the failure's cause.
    RetryAt(Timestamp, Failure),
    /// Nothing to resume: the policy itself cannot work.
    Fail(Failure),
    /// A person must do something first.
    NeedsHuman(Question),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_of_another_version_is_read_with_the_answers_that_are_known() {
        let question = |further: Option<serde_json::Value>| {
            let mut asked = json!({"code": "ISS-0010", "what": "w", "hint": "h", "answers": ["resume", "cancel"]});
            if let Some(further) = further {
                asked["further"] = further;
            }
            serde_json::from_value::<Question>(asked).expect("a question")
        };
        assert!(question(None).further.is_empty(), "of a version before");
        let later = question(Some(json!(["of_a_later_version", "new_account"])));
        assert_eq!(later.further, [FurtherAnswer::NewAccount]);
        let plain = Failure::new("ISS-0010", "w", "h").ask();
        let written = serde_json::to_value(plain).expect("JSON");
        assert!(
            written.get("further").is_none(),
            "as versions before write it: {written}"
        );
    }
}

//! One shape for refused input: which field, what was wrong, what would be right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A refusal that a person can act on. The console shows it as problem+json, the CLI as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{field}: {problem}; {remedy}")]
pub struct Invalid {
    /// The field as it is spelt in the API, for example `targets[0].chain_path`.
    pub field: String,
    /// What was wrong with the value.
    pub problem: String,
    /// What a right value looks like, or what to do.
    pub remedy: String,
}

impl Invalid {
    pub fn new(field: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// This refusal, with the field seen from one level further out.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}.{}", self.field)
        };
        self
    }
}

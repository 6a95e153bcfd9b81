//! What goes wrong at a target, by what can be done about it.
//!
//! In: what was found. Out: an error for the verdict, or a check with its remedy. Never: a decision
//! about the run.

use domain::run::Check;

/// Named by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The policy or the machine is not set up for it.
    #[error("{what}")]
    Misconfigured { what: String, remedy: String },
    /// The deployer's own configuration does not allow it.
    #[error("{what}")]
    NotAllowed { what: String, remedy: String },
    /// Another policy puts its certificate there.
    #[error("{what}")]
    Taken { what: String, remedy: String },
    /// A permission is missing.
    #[error("{what}")]
    Denied { what: String, remedy: String },
    /// What was kept for the way back is gone or damaged.
    #[error("{what}")]
    Lost { what: String },
    /// Another process put another certificate there since.
    #[error("{what}")]
    Changed { what: String },
    /// Nothing that a person can mend at once; it may pass.
    #[error("{what}")]
    Unavailable { what: String },
    #[error("the command `{command}` ended with {status}")]
    HookFailed {
        command: String,
        status: String,
        output: String,
    },
    #[error("the command `{command}` did not end within {seconds} s")]
    HookHung {
        command: String,
        seconds: u32,
        output: String,
    },
}

/// A tick with the evidence, or a cross with what is wrong and how it is mended.
pub fn check(name: &str, found: Result<String, TargetError>) -> Check {
    match found {
        Ok(evidence) => Check::tick(name, evidence),
        Err(
            TargetError::Misconfigured { what, remedy }
            | TargetError::Denied { what, remedy }
            | TargetError::Taken { what, remedy }
            | TargetError::NotAllowed { what, remedy },
        ) => Check::cross(name, format!("{what}; {remedy}")),
        Err(TargetError::HookFailed {
            command,
            status,
            output,
        }) => Check::cross(name, format!("`{command}` ended with {status}: {output}")),
        Err(other) => Check::cross(name, other.to_string()),
    }
}

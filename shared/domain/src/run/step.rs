//! The steps of a run and their spelling on the wire.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// One step of one run; a deployment names its target by its place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum Step {
    PrepareKey,
    Issue,
    Deploy(u16),
    Verify,
    /// Puts back what a target served before.
    Rollback(u16),
    /// Looks whether what was put back is served again.
    Confirm,
    /// A rehearsal's last look: whether those who are told of a failure can be reached.
    Channels,
    Tidy,
}

/// What a handler can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    PrepareKey,
    Issue,
    Deploy,
    Verify,
    Rollback,
    Confirm,
    Channels,
    Tidy,
}

impl StepKind {
    pub const ALL: [Self; 8] = [
        Self::PrepareKey,
        Self::Issue,
        Self::Deploy,
        Self::Verify,
        Self::Rollback,
        Self::Confirm,
        Self::Channels,
        Self::Tidy,
    ];

    /// A token of subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrepareKey => "prepare-key",
            Self::Issue => "issue",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Rollback => "rollback",
            Self::Confirm => "confirm",
            Self::Channels => "channels",
            Self::Tidy => "tidy",
        }
    }
}

impl Step {
    pub const fn kind(self) -> StepKind {
        match self {
            Self::PrepareKey => StepKind::PrepareKey,
            Self::Issue => StepKind::Issue,
            Self::Deploy(_) => StepKind::Deploy,
            Self::Verify => StepKind::Verify,
            Self::Rollback(_) => StepKind::Rollback,
            Self::Confirm => StepKind::Confirm,
            Self::Channels => StepKind::Channels,
            Self::Tidy => StepKind::Tidy,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(index) => write!(f, "deploy-{index}"),
            Self::Rollback(index) => write!(f, "rollback-{index}"),
            Self::PrepareKey | Self::Issue | Self::Verify | Self::Confirm | Self::Channels | Self::Tidy => {
                f.write_str(self.kind().as_str())
            }
        }
    }
}

impl FromStr for Step {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || {
            Invalid::new(
                "step",
                format!("{text:?} is no step"),
                "use prepare-key, issue, deploy-N, verify, rollback-N, confirm, channels, tidy",
            )
        };
        match text {
            "prepare-key" => Ok(Self::PrepareKey),
            "issue" => Ok(Self::Issue),
            "verify" => Ok(Self::Verify),
            "confirm" => Ok(Self::Confirm),
            "channels" => Ok(Self::Channels),
            "tidy" => Ok(Self::Tidy),
            other => {
                let (kind, index) = other.split_once('-').ok_or_else(unknown)?;
                let index = index.parse().map_err(|_| unknown())?;
                match kind {
                    "deploy" => Ok(Self::Deploy(index)),
                    "rollback" => Ok(Self::Rollback(index)),
                    _ => Err(unknown()),
                }
            }
        }
    }
}

impl TryFrom<String> for Step {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.to_string()
    }
}

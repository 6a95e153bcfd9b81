//! What a worker reports of its step.

use serde::{Deserialize, Serialize};

use super::{Checkpoint, Left, Product};
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};

/// How a worker's step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Done {
        product: Product,
    },
    Resting {
        until: Timestamp,
        checkpoint: Checkpoint,
    },
    /// `forget_checkpoint` when what was begun at the other side is of no use any more (an invalid
    /// order).
    Retry {
        until: Timestamp,
        failure: Failure,
        #[serde(default)]
        forget_checkpoint: bool,
        /// By a deployment; absent: it came to nothing that changed the target.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Left>,
    },
    Failed {
        failure: Failure,
    },
    Stuck {
        question: Question,
        #[serde(default)]
        forget_checkpoint: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Left>,
    },
}

impl Outcome {
    /// Whose trouble it is; nothing when there is none, or when the worker has not said.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Retry { failure, .. } | Self::Failed { failure } => failure.cause.as_ref(),
            Self::Stuck { question, .. } => question.cause.as_ref(),
            Self::Done { .. } | Self::Resting { .. } => None,
        }
    }

    /// The step has come further and could go on at once, were this saved: the worker may keep it
    /// in flight. Only with an order that is open: a new one draws from the CA's limits first.
    pub fn continues(&self, now: Timestamp) -> bool {
        match self {
            Self::Resting { until, checkpoint } => *until <= now && checkpoint.is_open(),
            Self::Done { .. } | Self::Retry { .. } | Self::Failed { .. } | Self::Stuck { .. } => false,
        }
    }
}

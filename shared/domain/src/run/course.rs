//! How a run has fared beside its present step: each target for itself, and what a rehearsal found.

use serde::{Deserialize, Serialize};

use super::Former;
use crate::certificate::Fingerprint;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// In the order of the plan.
    #[serde(default)]
    pub targets: Vec<TargetState>,
    /// What is installed was looked at since the last installation.
    #[serde(default)]
    pub verified: bool,
    /// Why targets are being rolled back; asked when that is through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Question>,
    /// CAs that were given up for the next one of the plan, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turned: Vec<Turned>,
    /// Since when the present step fails, try after try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Nothing of its order is left to be removed: there is no Tidy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tidied: bool,
    /// What a rehearsal found wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crosses: Vec<String>,
}

/// Why the next CA is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// The order whose report made it so.
    pub attempt: u32,
    pub at: Timestamp,
    pub failure: Failure,
}

/// One target of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum TargetState {
    /// To be deployed.
    Pending,
    /// Tried in vain; the others go first.
    Aside {
        until: Timestamp,
        failures: u32,
        failure: Failure,
    },
    /// A person must do something.
    Stuck {
        question: Question,
        retry_at: Option<Timestamp>,
    },
    /// Can never work as the policy says it.
    Broken {
        failure: Failure,
    },
    Installed {
        /// What can be put back.
        replaced: Option<Former>,
    },
    /// To be put back.
    Returning {
        to: Former,
    },
    RolledBack {
        to: Fingerprint,
    },
}

impl Course {
    pub fn of(plan: &Plan) -> Self {
        Self {
            targets: vec![TargetState::Pending; plan.targets.len()],
            ..Self::default()
        }
    }

    /// The place of the first target in such a state, as steps name it.
    pub(super) fn first(&self, is: impl Fn(&TargetState) -> bool) -> Option<u16> {
        u16::try_from(self.targets.iter().position(is)?).ok()
    }

    pub fn any(&self, is: impl Fn(&TargetState) -> bool) -> bool {
        self.targets.iter().any(is)
    }

    pub fn is_installed(state: &TargetState) -> bool {
        matches!(state, TargetState::Installed { .. })
    }

    /// Some targets are not there yet: a look at the host finds the new certificate in part only.
    pub fn is_partial(&self) -> bool {
        self.any(|one| !Self::is_installed(one))
    }

    pub fn is_complete(&self) -> bool {
        self.verified && !self.is_partial()
    }
}

//! How a run has fared beside its present step: each target for itself, and what a rehearsal found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Former, Left, Receipt};
use crate::certificate::Fingerprint;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgress {
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
    #[serde(rename = "turned", default, skip_serializing_if = "Vec::is_empty")]
    pub failovers: Vec<Failover>,
    /// Since when the present step fails, try after try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Since when it waits, or last waited, for a look at what is served, before it begins of
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_since: Option<Timestamp>,
    /// What was seen of its targets before the next order of Issue, or the one that is out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_looks: Vec<TargetLook>,
    /// Nothing of its order is left to be removed: there is no Tidy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tidied: bool,
    /// New pairs that are in place, and of which it is not known whether their servers have
    /// accepted them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<Unproven>,
    /// What a rehearsal found wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crosses: Vec<String>,
}

/// Installed at a target, and its activation did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unproven {
    /// Its place in the plan.
    pub target: u16,
    pub receipt: Receipt,
}

/// A look at the targets, before a certificate is ordered for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLook {
    /// The order of Issue that it came before.
    pub before: u32,
    pub check: Check,
}

/// What such a look found, when the run may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetsFound {
    Ready,
    /// Not all, but one at least.
    Partly {
        question: Question,
    },
    /// No answer came in time.
    Unanswered,
}

/// Why the next CA is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failover {
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
    /// The policy names it no more: this run leaves it as it is.
    Removed {
        /// The new certificate is there.
        installed: bool,
    },
}

impl RunProgress {
    pub fn of(plan: &Plan) -> Self {
        Self {
            targets: vec![TargetState::Pending; plan.targets.len()],
            ..Self::default()
        }
    }

    /// What a deployment that did not end well left in place there.
    pub fn unproven(&self, target: u16) -> Option<&Receipt> {
        let found = self.unproven.iter().find(|one| one.target == target);
        found.map(|one| &one.receipt)
    }

    /// What was found before the order of this attempt went out.
    pub fn target_checks(&self, attempt: u32) -> Vec<Check> {
        let before = self.target_looks.iter().filter(|look| look.before == attempt);
        before.map(|look| look.check.clone()).collect()
    }

    /// From now on this is in place there.
    pub(super) fn leave(&mut self, target: u16, left: Left) {
        self.unproven.retain(|one| one.target != target);
        match left {
            Left::Former => {}
            Left::New { receipt } => self.unproven.push(Unproven { target, receipt }),
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
        self.any(|one| !matches!(one, TargetState::Installed { .. } | TargetState::Removed { .. }))
    }

    pub fn is_complete(&self) -> bool {
        self.verified && !self.is_partial()
    }
}

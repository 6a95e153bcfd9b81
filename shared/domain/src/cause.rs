//! Whose trouble it is that a step ends with: said by the worker's verdict, carried by its report,
//! and all that is decided by. No code reads the code or the words of a failure to find it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::limit::Scope;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// One of our own services, or what it stands on: it comes back.
    Fleet,
    /// What people have set up, in the policy or in a service's configuration, cannot work.
    Policy,
    /// The host, a target, or the way there.
    Target,
    Ca(OfCa),
}

/// What a CA has against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfCa {
    /// It gives no answer of use, and may have counted the request.
    Down {
        /// It has named the time from which on it answers.
        busy: bool,
    },
    /// It has given up the order, for a reason of its own: the next one may do.
    OrderLost,
    /// It is too much.
    Limited {
        scope: Scope,
        /// The names that it says it of; none: it names none.
        #[serde(default)]
        of: Vec<String>,
    },
    /// It has not seen that these names are ours; none: it does not say which.
    NotProven {
        #[serde(default)]
        names: Vec<String>,
    },
    /// It does not accept the account: another CA has another one.
    AccountRefused,
    /// It wants something of the account first, such as new terms or another contact.
    AccountIncomplete,
    /// Its directory points to another place, which is not followed automatically.
    Moved,
    /// Something else that it does not do as it was asked.
    Refused,
}

impl Cause {
    /// No person could fix it, and it passes: it is waited for longer than the ladder before a
    /// person is asked.
    pub const fn passes_by_itself(&self) -> bool {
        match self {
            Self::Fleet => true,
            Self::Policy | Self::Target => false,
            Self::Ca(of_ca) => match of_ca {
                OfCa::Down { busy } => *busy,
                OfCa::Limited { .. } => true,
                OfCa::OrderLost
                | OfCa::NotProven { .. }
                | OfCa::AccountRefused
                | OfCa::AccountIncomplete
                | OfCa::Moved
                | OfCa::Refused => false,
            },
        }
    }

    /// Another CA could issue meanwhile.
    pub const fn is_of_this_ca_alone(&self) -> bool {
        match self {
            Self::Fleet | Self::Policy | Self::Target => false,
            Self::Ca(of_ca) => match of_ca {
                OfCa::Down { .. } | OfCa::Limited { .. } | OfCa::AccountRefused | OfCa::Moved => true,
                OfCa::OrderLost | OfCa::NotProven { .. } | OfCa::AccountIncomplete | OfCa::Refused => false,
            },
        }
    }

    /// The CA wants nothing of this account as it is: every run of it is concerned.
    pub const fn is_of_account(&self) -> bool {
        matches!(self, Self::Ca(OfCa::AccountRefused | OfCa::AccountIncomplete))
    }
}

/// One of a later version is none that this one could decide by.
pub(crate) fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cause>, D::Error> {
    let said = Option::<serde_json::Value>::deserialize(from)?;
    Ok(said.and_then(|cause| serde_json::from_value(cause).ok()))
}

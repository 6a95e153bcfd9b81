//! Identifiers. Rows are known by time-ordered UUIDs, a workspace by a slug that is safe in a NATS subject.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invalid::Invalid;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; ids made later sort later (UUID version 7).
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            #[expect(clippy::disallowed_methods, reason = "the place where ids of rows are made")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub const fn get(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let refused = |_| Invalid::new($field, format!("{text:?} is not an id"), "give the UUID that the list shows");
                Uuid::parse_str(text).map(Self).map_err(refused)
            }
        }
    };
}

row_id!(/// One renewal of one policy.
    RunId, "run_id");
row_id!(/// A TLS endpoint that is watched.
    HostId, "host_id");
row_id!(/// How one hostname is renewed.
    PolicyId, "policy_id");
row_id!(/// Something a person is told about.
    IncidentId, "incident_id");
row_id!(/// One bulk renewal: a scope, planned as a whole and committed as a whole.
    JobId, "job_id");
row_id!(/// One immutable observation of a host.
    SnapshotId, "snapshot_id");

/// 1 to 40 of `a-z`, `0-9` and `-`, not at an edge.
pub(crate) fn is_slug(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = !text.starts_with('-') && !text.ends_with('-');
    (1..=40).contains(&text.len()) && edges && text.chars().all(inner)
}

/// The tenant: a slug of `a-z`, `0-9` and `-`, because it is a token of NATS subjects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"))]
pub struct WorkspaceId(String);

impl WorkspaceId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The workspace that exists from the first start on.
    pub fn default_workspace() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkspaceId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_slug(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "workspace",
                format!("{text:?} is not a slug"),
                "use 1 to 40 of a-z, 0-9 and -, not at an edge",
            ))
        }
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<WorkspaceId> for String {
    fn from(id: WorkspaceId) -> Self {
        id.0
    }
}

//! Lanes: the queues in which runs wait for a place, and what their orders are counted in. Pure.
//!
//! A lane is its name: runs are found by it in the record. Its kind says how many of its orders may be out.

use std::fmt;

use crate::ca::CaRef;
use crate::ids::WorkspaceId;
use crate::limit::Bucket;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(String);

/// What a lane's name means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind<'a> {
    /// All orders of one sort of step.
    Pool(Pool),
    /// What failed before and is tried again, apart from what is new.
    Again(Pool),
    /// Targets of a workspace that are not all reloaded at once.
    Group { workspace: &'a str, name: &'a str },
    /// Runs that wait for a token of this bucket.
    Limit { limit: &'a str, key: &'a str },
}

/// Whose places an order takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pool {
    KeySigner,
    /// One per CA: its cap of orders in flight holds there.
    Ca(CaRef),
    Deployer,
    Verifier,
    Incident,
    Tidy,
}

const AGAIN: &str = " again";
const ISSUE: &str = "issue ";

impl Lane {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn pool(pool: Pool) -> Self {
        Self(pool.to_string())
    }

    pub fn ca(ca: &CaRef) -> Self {
        Self(format!("{ISSUE}{ca}"))
    }

    pub fn again(pool: Pool) -> Self {
        Self(format!("{pool}{AGAIN}"))
    }

    pub fn group(workspace: &WorkspaceId, name: &str) -> Self {
        Self(format!("group {workspace} {name}"))
    }

    pub fn limit(bucket: &Bucket) -> Self {
        Self(format!("limit {} {}", bucket.limit, bucket.key))
    }

    /// None for a name of an older or newer version.
    pub fn kind(&self) -> Option<Kind<'_>> {
        let two = |rest: &'static str| self.0.strip_prefix(rest)?.split_once(' ');
        if let Some((limit, key)) = two("limit ") {
            return Some(Kind::Limit { limit, key });
        }
        if let Some((workspace, name)) = two("group ") {
            return Some(Kind::Group { workspace, name });
        }
        match self.0.strip_suffix(AGAIN) {
            Some(rest) => Pool::parse(rest).map(Kind::Again),
            None => Pool::parse(&self.0).map(Kind::Pool),
        }
    }

    /// Whose places its orders take, if they take any of the usual ones.
    pub fn places(&self) -> Option<Lane> {
        match self.kind()? {
            Kind::Pool(_) => Some(self.clone()),
            Kind::Group { .. } => Some(Self::pool(Pool::Deployer)),
            Kind::Again(_) | Kind::Limit { .. } => None,
        }
    }

    /// The bucket for whose tokens it waits.
    pub fn bucket(&self) -> Option<Bucket> {
        match self.kind()? {
            Kind::Limit { limit, key } => Some(Bucket {
                limit: limit.to_owned(),
                key: key.to_owned(),
            }),
            Kind::Pool(_) | Kind::Again(_) | Kind::Group { .. } => None,
        }
    }
}

impl Pool {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "key-signer" => Self::KeySigner,
            "deployer" => Self::Deployer,
            "verifier" => Self::Verifier,
            "incident" => Self::Incident,
            "tidy" => Self::Tidy,
            _ => Self::Ca(name.strip_prefix(ISSUE)?.parse().ok()?),
        })
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeySigner => f.write_str("key-signer"),
            Self::Ca(ca) => write!(f, "{ISSUE}{ca}"),
            Self::Deployer => f.write_str("deployer"),
            Self::Verifier => f.write_str("verifier"),
            Self::Incident => f.write_str("incident"),
            Self::Tidy => f.write_str("tidy"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_known_by_its_name() {
        let ca: CaRef = "https://ca.example.org/dir".parse().expect("a CA");
        let bucket = Bucket {
            limit: "ca.orders".to_owned(),
            key: "default".to_owned(),
        };
        let lanes = [
            (Lane::pool(Pool::Deployer), Kind::Pool(Pool::Deployer)),
            (Lane::ca(&ca), Kind::Pool(Pool::Ca(ca.clone()))),
            (Lane::again(Pool::Verifier), Kind::Again(Pool::Verifier)),
            (
                Lane::group(&WorkspaceId::default_workspace(), "edge-lb"),
                Kind::Group {
                    workspace: "default",
                    name: "edge-lb",
                },
            ),
            (
                Lane::limit(&bucket),
                Kind::Limit {
                    limit: "ca.orders",
                    key: "default",
                },
            ),
        ];
        for (lane, kind) in lanes {
            assert_eq!(lane.kind(), Some(kind), "{}", lane.as_str());
        }
        assert_eq!(Lane::limit(&bucket).bucket(), Some(bucket));
        assert_eq!(Lane::new("of another version").kind(), None);
    }
}

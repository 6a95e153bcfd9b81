//! Where a certificate is put: one file for the settings of each kind.
//!
//! In: the targets of a policy. Out: whether they can be used together, and what the rest of the
//! system asks of any of them. Touches: nothing. Never: a decision that depends on the kind outside
//! `Target::body` and the file of the kind.

mod file;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation;
use crate::invalid::Invalid;

pub use file::{AccessList, FileTarget, Reload};

/// Of all targets of a policy together: each is looked at in every look.
pub const MOST_ENDPOINTS: usize = 16;

/// One place of a policy's ordered list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    File(FileTarget),
}

impl Target {
    /// The settings of its kind. The only match on the kind outside the deployer.
    pub fn body(&self) -> &dyn TargetBody {
        match self {
            Self::File(file) => file,
        }
    }

    /// Whether both are the same place, however they are set and activated.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.body().common().places == other.body().common().places
    }
}

/// What every kind of target says of itself.
pub trait TargetBody {
    /// What the types alone cannot refuse; the field of the refusal is one of the target.
    fn check(&self, origin: Origin) -> Result<(), Invalid>;

    /// How the board and the log call it.
    fn title(&self) -> String;

    /// Whether the private key itself must reach this target.
    fn imports_key(&self) -> bool;

    /// Names of the workspace's secrets that its deployment needs.
    fn secrets(&self) -> Vec<&str>;

    fn common(&self) -> Common<'_>;
}

/// Where a target comes from that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A row or an order: what an earlier version took stays good.
    Stored,
    /// A person gives it now: what only earlier versions took is refused.
    Entered,
}

/// What is asked of targets of all kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common<'a> {
    /// The word of its kind, as policies write it.
    pub kind: &'static str,
    /// Addresses at which this target alone is looked at.
    pub serves_at: &'a [SocketAddr],
    /// The group whose members are not all reloaded at once.
    pub group_name: Option<&'a str>,
    /// The setting of this name, also where it is left to its default; nothing for a kind that has
    /// no activation.
    pub activate_timeout_seconds: Option<u32>,
    /// How long one run of its activation may take; nothing without one.
    pub activation_seconds: Option<u32>,
    /// What is replaced there. No two policies may share one.
    pub places: Vec<TargetPlace>,
    /// `places` in words, as a person finds them at the target.
    pub in_words: String,
}

/// One thing that a target replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlace {
    pub half: Half,
    /// Its one spelling, unique among all targets of all kinds.
    pub name: String,
}

impl TargetPlace {
    pub const fn new(half: Half, name: String) -> Self {
        Self { half, name }
    }
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Chain,
    Key,
}

/// Several targets of one policy may name one pair of files, each with a server of its own; none
/// may write its chain where another writes its key.
pub fn check_places(targets: &[Target]) -> Result<(), Invalid> {
    let mut halves: BTreeMap<String, (Half, usize)> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        for TargetPlace { half, name } in target.body().common().places {
            let (first, of) = *halves.entry(name.clone()).or_insert((half, index));
            if first != half {
                let problem = format!("targets[{of}] puts the other half of the pair at {name}");
                let remedy = "give each private key a file of its own";
                return Err(Invalid::new(format!("targets[{index}]"), problem, remedy));
            }
        }
    }
    Ok(())
}

/// A target group's name is a slug: it is part of a queue's name.
pub fn check_group_name(name: &str) -> Result<(), Invalid> {
    if activation::is_slug(name) {
        return Ok(());
    }
    let problem = format!("{name:?} is no name of a target group");
    Err(Invalid::new(
        "",
        problem,
        "use 1 to 60 of a-z, 0-9 and -, such as edge-lb",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<Target> {
        let file = serde_json::json!({"kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key"});
        [file]
            .into_iter()
            .map(|one| serde_json::from_value(one).expect("a target"))
            .collect()
    }

    #[test]
    fn a_target_says_the_kind_that_it_is_written_with() {
        for target in each() {
            let written = serde_json::to_value(&target).expect("JSON");
            assert_eq!(written["kind"], target.body().common().kind);
        }
    }

    #[test]
    fn a_setting_that_its_kind_does_not_have_is_refused_by_name() {
        for target in each() {
            let mut written = serde_json::to_value(&target).expect("JSON");
            written["colour"] = "red".into();
            let refused = serde_json::from_value::<Target>(written).expect_err("no such setting");
            assert!(refused.to_string().contains("colour"), "{refused}");
        }
    }
}

//! Hosts, and what looks at them saw.

use std::net::SocketAddr;

use domain::certificate::{self, CertificateFacts, ChainMember, Fingerprint, OtherLeaf};
use domain::ids::SnapshotId;
use domain::{Timestamp, host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host with the newest that was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownHost")]
pub struct Host {
    #[serde(flatten)]
    pub host: host::Host,
    /// The newest snapshot, without PEM texts.
    pub snapshot: Option<Snapshot>,
    /// Of the newest run; `idle` without one.
    pub status: String,
    /// The newest look, whatever it saw.
    pub last_seen_at: Option<Timestamp>,
}

/// One host with all that the newest look saw, the PEM texts too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostDetail {
    #[serde(flatten)]
    pub host: Host,
    /// What the newest look saw, one for each address that was dialled.
    pub look: Vec<Snapshot>,
}

/// What one look at one address saw: with probe `served` what was served, with probe `unreachable` only `probe_error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// The unspecified address when the name has none: nothing was dialled then.
    pub dialled: SocketAddr,
    pub taken_at: Timestamp,
    /// Handshakes on fresh connections that this comes from.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub looks: u32,
    /// Further leaves that this address served by turns in the same look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherLeaf>,
    #[serde(flatten)]
    pub seen: AddressState,
}

/// What became of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum AddressState {
    Served(Box<Served>),
    Unreachable { probe_error: String },
}

/// A certificate as it was served, with its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Served {
    #[serde(flatten)]
    pub leaf: CertificateFacts,
    /// Absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_pem: Option<String>,
    /// The whole chain as served, leaf first. Absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_pem: Option<String>,
    /// Of the chain as served, the leaf first.
    pub chain_fingerprints: Vec<Fingerprint>,
    pub chain_trusted: bool,
    /// Why it is not trusted.
    pub chain_problem: Option<String>,
    /// For example `TLSv1_3`.
    pub protocol: String,
    pub cipher: String,
    /// The certificate behind the leaf that ends before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_end: Option<ChainMember>,
    /// Why the handshake did not end after the chain was on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Counted when it is read.
    pub days_until_expiry: i64,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(looks: &u32) -> bool {
    *looks == 1
}

impl Snapshot {
    /// As it is read at `now`, with the PEM texts.
    pub fn of(seen: certificate::Snapshot, now: Timestamp) -> Self {
        Self {
            id: seen.id,
            dialled: seen.dialled,
            taken_at: seen.taken_at,
            looks: seen.looks,
            others: seen.others,
            seen: match seen.seen {
                certificate::LookResult::Served(served) => AddressState::Served(Box::new(Served::of(*served, now))),
                certificate::LookResult::Unreachable { probe_error } => AddressState::Unreachable { probe_error },
            },
        }
    }

    /// As a line of a list has it.
    #[must_use]
    pub fn without_pem(mut self) -> Self {
        if let AddressState::Served(served) = &mut self.seen {
            (served.leaf_pem, served.chain_pem) = (None, None);
        }
        self
    }

    pub fn is_unreachable(&self) -> bool {
        matches!(self.seen, AddressState::Unreachable { .. })
    }

    /// The certificate, where one was served.
    pub fn served(&self) -> Option<&Served> {
        match &self.seen {
            AddressState::Served(served) => Some(served),
            AddressState::Unreachable { .. } => None,
        }
    }
}

impl Served {
    fn of(served: certificate::Served, now: Timestamp) -> Self {
        Self {
            days_until_expiry: served.leaf.not_after.days_from(now),
            leaf: served.leaf,
            leaf_pem: Some(served.leaf_pem),
            chain_pem: Some(served.chain_pem),
            chain_fingerprints: served.chain_fingerprints,
            chain_trusted: served.chain_trusted,
            chain_problem: served.chain_problem,
            protocol: served.protocol,
            cipher: served.cipher,
            chain_end: served.chain_end,
            unfinished: served.unfinished,
        }
    }
}

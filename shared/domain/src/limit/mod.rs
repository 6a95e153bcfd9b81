//! What a CA allows: its limits as data, which buckets an order draws from, and what is exempt.
//! Pure.
//!
//! In: limits, the names and the account of an order. Out: the buckets it needs. Never: a limit
//! that is not a row.

mod book;
pub mod boulder;

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::gcra::Rate;
use crate::ids::WorkspaceId;
use crate::invalid::Invalid;
use crate::names::DnsName;
use crate::provider::Day;

pub use book::{Book, Refusal};

/// What a limit counts, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LimitScope")]
pub enum Scope {
    /// New orders of one ACME account: a workspace has one at each CA.
    Account,
    /// Certificates per registered domain (public suffix list), of all accounts together.
    RegisteredDomain,
    /// Certificates with exactly these names, of all accounts together.
    ExactSet,
    /// Authorizations of a name that failed, per account.
    FailedAuthorization,
    /// Failed authorizations of a name without a success in between, after which the CA takes no
    /// order for the name until a person has asked it to.
    ConsecutiveFailure,
}

impl Scope {
    /// Many runs may wait for the same bucket: they stand in a queue of its own.
    pub const fn is_shared(self) -> bool {
        match self {
            Self::Account | Self::RegisteredDomain => true,
            Self::ExactSet | Self::FailedAuthorization | Self::ConsecutiveFailure => false,
        }
    }

    /// Whether failures fill it: they are counted when they happen, and an order only looks.
    pub const fn is_of_failures(self) -> bool {
        match self {
            Self::Account | Self::RegisteredDomain | Self::ExactSet => false,
            Self::FailedAuthorization | Self::ConsecutiveFailure => true,
        }
    }

    /// Whether the CA counts such an order here (Let's Encrypt, 2026-08: a renewal of the same set
    /// of names is free of the limits that new names meet, one by ARI of all).
    pub const fn counts(self, renewal: Renewal) -> bool {
        match (self, renewal) {
            (_, Renewal::Ari) => false,
            (Self::Account | Self::RegisteredDomain, Renewal::SameSet) => false,
            (Self::ExactSet | Self::FailedAuthorization | Self::ConsecutiveFailure, Renewal::SameSet) => true,
            (_, Renewal::No) => true,
        }
    }
}

/// How the CA sees an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// These names together are new to it.
    No,
    /// It has issued for exactly these names before.
    SameSet,
    /// It asked for it itself (RFC 9773).
    Ari,
}

/// One limit of one CA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// For example `letsencrypt.new-orders`.
    pub id: String,
    #[serde(rename = "directory_url", alias = "ca")]
    pub ca: CaRef,
    pub scope: Scope,
    /// How people call it, for example `new orders per account`.
    pub title: String,
    /// Tokens that may be used at once.
    pub burst: u32,
    /// Seconds from one token to the next.
    pub period_seconds: u32,
    /// Where it is written.
    pub source: String,
    /// The day on which a person compared it with the source, `YYYY-MM-DD`.
    pub last_verified: String,
    pub enabled: bool,
}

/// Bursts from this size on keep a twentieth back.
const LARGE: u32 = 20;

impl Limit {
    /// Orders reach the CA later than they are released, not all by the same delay: of a large
    /// burst a twentieth is not used, so that a quick order after slow ones does not come too
    /// early.
    pub fn rate(&self) -> Rate {
        let spare = if self.burst >= LARGE {
            self.burst.div_ceil(LARGE)
        } else {
            0
        };
        Rate {
            burst: self.burst.saturating_sub(spare).max(1),
            period: Duration::from_secs(u64::from(self.period_seconds.max(1))),
        }
    }

    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        let token = |text: &str| {
            (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if !token(&self.id) {
            let remedy = "use 1 to 100 letters, digits, dots and hyphens, such as letsencrypt.new-orders";
            return Err(Invalid::new(
                "id",
                format!("{:?} is no name of a limit", self.id),
                remedy,
            ));
        }
        self.ca.check("directory_url")?;
        for (field, value) in [("burst", self.burst), ("period_seconds", self.period_seconds)] {
            if !(1..=100_000_000).contains(&value) {
                return Err(Invalid::new(
                    field,
                    format!("{value} is out of range"),
                    "give 1 to 100000000",
                ));
            }
        }
        for (field, text) in [("title", &self.title), ("source", &self.source)] {
            if !(1..=300).contains(&text.len()) {
                return Err(Invalid::new(
                    field,
                    "it must have 1 to 300 characters",
                    "say it in one line",
                ));
            }
        }
        Day::try_from(self.last_verified.clone())?.not_after(now)
    }
}

/// What an order is, as far as limits go.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Whose account.
    pub workspace: &'a WorkspaceId,
    pub ca: &'a CaRef,
    pub names: &'a [DnsName],
    pub renewal: Renewal,
}

/// One counter of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bucket {
    pub limit: String,
    pub key: String,
}

/// Before the name of what is no limit of a catalogue: what a CA has said itself, until it takes it
/// back.
const HOLD: &str = "hold:";

impl Bucket {
    /// What the CA has said of an account of a workspace there.
    pub fn hold_of_account(ca: &CaRef, workspace: &WorkspaceId) -> Self {
        Self {
            limit: format!("{HOLD}account"),
            key: format!("{ca} {workspace}"),
        }
    }

    /// What the CA has said of a registered domain.
    pub fn hold_of_domain(ca: &CaRef, domain: &str) -> Self {
        Self {
            limit: format!("{HOLD}domain"),
            key: format!("{ca} {domain}"),
        }
    }

    pub fn is_hold(&self) -> bool {
        self.limit.starts_with(HOLD)
    }
}

/// A bucket that an order looks into, and whether it takes a token there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub bucket: Bucket,
    pub title: String,
    pub scope: Scope,
    pub rate: Rate,
    /// Otherwise it only looks.
    pub takes: bool,
}

/// Every bucket that this order needs.
pub fn needs(limits: &[Limit], ask: &Ask) -> Vec<Need> {
    let of_ca = limits.iter().filter(|limit| limit.enabled && limit.ca == *ask.ca);
    let counted = of_ca.filter(|limit| limit.scope.counts(ask.renewal));
    counted
        .flat_map(|limit| {
            keys(limit.scope, ask).into_iter().map(|key| Need {
                bucket: Bucket {
                    limit: limit.id.clone(),
                    key,
                },
                title: limit.title.clone(),
                scope: limit.scope,
                rate: limit.rate(),
                takes: !limit.scope.is_of_failures(),
            })
        })
        .collect()
}

/// The counters of such a limit that this order concerns.
pub fn keys(scope: Scope, ask: &Ask) -> Vec<String> {
    match scope {
        Scope::Account => vec![ask.workspace.to_string()],
        Scope::RegisteredDomain => {
            let domains: BTreeSet<&str> = ask.names.iter().map(registered_domain).collect();
            domains.into_iter().map(str::to_owned).collect()
        }
        Scope::ExactSet => vec![exact_set(ask.names)],
        Scope::FailedAuthorization | Scope::ConsecutiveFailure => ask
            .names
            .iter()
            .map(|name| format!("{} {name}", ask.workspace))
            .collect(),
    }
}

/// The registrable domain: `example.co.uk` of `www.example.co.uk`. A public suffix stands for
/// itself.
pub fn registered_domain(name: &DnsName) -> &str {
    let name = name.as_str().strip_prefix("*.").unwrap_or(name.as_str());
    psl::domain_str(name).unwrap_or(name)
}

/// Names a set of names, whatever their order.
pub fn exact_set(names: &[DnsName]) -> String {
    let sorted: BTreeSet<&str> = names.iter().map(DnsName::as_str).collect();
    let mut hash = Sha256::new();
    for name in sorted {
        hash.update(name.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests;

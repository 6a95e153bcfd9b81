//! Policies: how one hostname is renewed.

mod by_itself;
mod check;
mod entry;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ari::Renewal;
use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::directory;
use crate::host::Criticality;
use crate::ids::{HostId, PolicyId, WorkspaceId};
use crate::invalid::Invalid;
use crate::key_source::{self, KeySource};
use crate::keys::{KeyAlgorithm, KeyRotation};
use crate::names::{DnsName, Hostname};
use crate::provider::ProviderName;
use crate::target::Target;
use crate::window::Window;

pub use crate::provider::Provider;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Challenge {
    #[default]
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "dns-01")]
    Dns01,
    #[serde(rename = "none")]
    None,
}

const LETSENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LETSENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// What an operator says of a policy; the API's body of `POST /policies` and one line of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = key_source::shown_with_fields_of_before)]
pub struct NewPolicy {
    pub hostname: Hostname,
    /// Further names of the certificate.
    #[serde(default)]
    pub sans: Vec<DnsName>,
    #[serde(default = "letsencrypt")]
    pub provider: Provider,
    /// The CA's ACME directory; needed for `acme`, derived for `letsencrypt`.
    #[serde(default)]
    pub directory_url: Option<Url>,
    /// The CA's staging is meant, of the own provider and of the fallbacks.
    #[serde(default, alias = "key_backend_config", deserialize_with = "key_source::staging")]
    pub staging: bool,
    /// Who is asked instead, in this order, while the policy's own provider is down or out of quota for too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<ProviderName>,
    /// A cost-aware choice keeps to the policy's own provider.
    #[serde(default)]
    pub provider_pinned: bool,
    /// Certificates of ACM whose key can be exported are paid for at every renewal: only with this word.
    #[serde(default)]
    pub allow_exportable_acm: bool,
    #[serde(default)]
    pub challenge: Challenge,
    /// The ACME profile that is asked for, one of those that the CA's directory names; absent: the CA decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where the private key lives.
    #[serde(default, alias = "key_backend", deserialize_with = "key_source::key_source")]
    pub key_source: KeySource,
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
    #[serde(default)]
    pub key_rotation: KeyRotation,
    /// The least time between two live runs.
    #[serde(default)]
    pub cooldown_seconds: u32,
    /// Whether it renews itself when it is due; otherwise only when asked to.
    #[serde(default = "yes")]
    pub auto_renew: bool,
    /// Days before the end of what is served; absent: a third of the life, half of a life below ten days.
    #[serde(default)]
    pub renew_before_days: Option<u16>,
    #[serde(default)]
    pub dry_run_default: bool,
    #[serde(default)]
    pub notify_on_failure: Vec<String>,
    /// When the host may be touched; absent: as the tags of the host say, else at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    pub targets: Vec<Target>,
}

fn yes() -> bool {
    true
}

fn letsencrypt() -> Provider {
    Provider::Letsencrypt
}

impl NewPolicy {
    /// What this policy replaces, each in its one spelling: no two policies may share one.
    pub fn places(&self) -> BTreeSet<String> {
        let places = self.targets.iter().flat_map(|target| target.body().common().places);
        places.map(|place| place.name).collect()
    }

    /// The CA that this policy's orders go to.
    pub fn ca(&self) -> Result<CaRef, Invalid> {
        self.directory().map(CaRef::Acme)
    }

    fn directory(&self) -> Result<Url, Invalid> {
        match (&self.directory_url, self.provider) {
            (Some(url), _) => directory::check("directory_url", url).map(|()| url.clone()),
            (None, Provider::Letsencrypt) => parsed(if self.staging { LETSENCRYPT_STAGING } else { LETSENCRYPT }),
            (None, _) => Err(Invalid::new(
                "directory_url",
                "it is missing",
                "give the https URL of the CA's ACME directory",
            )),
        }
    }

    /// All names of the certificate, the hostname first, none twice.
    pub fn names(&self) -> Vec<DnsName> {
        let mut names = vec![DnsName::from(&self.hostname)];
        for name in &self.sans {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

fn parsed(url: &str) -> Result<Url, Invalid> {
    Url::parse(url).map_err(|e| Invalid::new("directory_url", e.to_string(), "give an https URL"))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    pub id: PolicyId,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    #[serde(flatten)]
    pub spec: NewPolicy,
    pub created_at: Timestamp,
}

/// A policy with what its host adds; what the planner judges and composes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFacts {
    pub policy: Policy,
    pub port: u16,
    pub addresses: Vec<std::net::IpAddr>,
    pub criticality: Criticality,
    /// When the last live run of this policy was asked for, unless it was cancelled or refused.
    pub last_live_at: Option<Timestamp>,
    /// When the certificate ends that was last seen there.
    pub served_until: Option<Timestamp>,
    /// Those of the tags of its host.
    pub tag_windows: Vec<Window>,
    /// The certificate that a renewal replaces, when a run of ours got it and its CA was asked about it.
    pub renewal: Option<Renewal>,
}

impl PolicyFacts {
    /// When the host may be touched: as its policy says, else as any of its tags does.
    pub fn windows(&self) -> &[Window] {
        let own = &self.policy.spec.windows;
        if own.is_empty() { &self.tag_windows } else { own }
    }
}

#[cfg(test)]
mod tests;

//! The plan of a run: everything that was decided before it started. Afterwards only a person
//! changes it, by resuming or retrying the run: then its targets and addresses become those of
//! today's policy (`run::amend`).

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ari::Predecessor;
use crate::backoff::Ladder;
use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::host::Criticality;
use crate::key_source::{self, KeySource};
use crate::keys::{KeyAlgorithm, KeyRotation};
use crate::names::{DnsName, Hostname};
use crate::policy::{Challenge, Provider};
use crate::provider::ProviderId;
use crate::solver::Solver;
use crate::target::Target;
use crate::window::Window;

pub use crate::lane::Lane;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub hostname: Hostname,
    pub port: u16,
    pub addresses: Vec<IpAddr>,
    pub criticality: Criticality,
    /// What made it due, when no person asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_now: Option<String>,
    /// All names of the certificate, the hostname first.
    pub names: Vec<DnsName>,
    pub choice: Choice,
    /// Who is asked instead, in this order, when the chosen one is down or out of quota beyond the
    /// deadline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<Choice>,
    #[serde(alias = "key_backend", deserialize_with = "key_source::key_source")]
    pub key_source: KeySource,
    pub key_algorithm: KeyAlgorithm,
    pub key_rotation: KeyRotation,
    pub challenge: Challenge,
    /// Who answers the challenges.
    #[serde(default, skip_serializing_if = "Solver::is_default")]
    pub solver: Solver,
    /// The ACME profile that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The certificate that this one replaces at the chosen CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Predecessor>,
    pub targets: Vec<Target>,
    /// Who is told of a failure.
    #[serde(default)]
    pub notify: Vec<String>,
    #[serde(default)]
    pub ladder: Ladder,
    /// When what the host served at planning ends: the life that is left for retries.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When the host may be touched; at any time without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// When its bulk job may touch any host, beside the host's own windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows_of_job: Vec<Window>,
}

/// How the provider of a run is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The policy's own provider.
    #[default]
    PolicyDefault,
    /// The cheapest that fits, of those that policy and workspace name.
    CostAware,
}

/// Which CA, and why this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    pub provider: Provider,
    /// In the catalogue; nothing: it is not there, and the policy names it by its directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ProviderId>,
    /// Written under the name that it had while every CA was an ACME directory.
    #[serde(rename = "directory_url", alias = "ca")]
    pub ca: CaRef,
    pub why: String,
    /// What the issuance costs, in millionths of a US dollar; nothing when it is not known.
    #[serde(default)]
    pub cost_micro_usd: Option<u64>,
    /// Everyone else who was looked at, and why they lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Candidate>,
}

/// A provider that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub provider: Provider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ProviderId>,
    #[serde(
        default,
        rename = "directory_url",
        alias = "ca",
        skip_serializing_if = "Option::is_none"
    )]
    pub ca: Option<CaRef>,
    /// Nothing when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    pub because: String,
}

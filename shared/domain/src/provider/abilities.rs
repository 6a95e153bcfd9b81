//! What can be had from a provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::keys::{KeyAlgorithm, KeyBackend};
use crate::policy::Challenge;

/// Where an operator says nothing, an ACME CA is taken for what RFC 8555 makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Abilities {
    pub challenges: Vec<Challenge>,
    pub key_algorithms: Vec<KeyAlgorithm>,
    /// Whose CSRs it takes; none of them where it makes the key itself.
    pub key_backends: Vec<KeyBackend>,
    /// The kinds of target that can use what it issues; empty: every kind.
    pub targets: Vec<String>,
    pub wildcard: bool,
    /// Names in one certificate; absent: not known.
    pub max_names: Option<u16>,
    /// ACME profiles; empty: it has none, or they are not known.
    pub profiles: Vec<String>,
    /// ACME renewal information, RFC 9773.
    pub ari: bool,
    /// An account there is bound to one that was made elsewhere (RFC 8555 §7.3.4).
    pub external_account: bool,
    /// The provider makes the private key, and sells its export with each certificate.
    pub exports_key_for_money: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            challenges: vec![Challenge::Http01, Challenge::Dns01],
            key_algorithms: KeyAlgorithm::ALL.to_vec(),
            key_backends: vec![KeyBackend::Local, KeyBackend::Vault, KeyBackend::AwsKms],
            targets: Vec::new(),
            wildcard: true,
            max_names: None,
            profiles: Vec::new(),
            ari: false,
            external_account: false,
            exports_key_for_money: false,
        }
    }
}

impl Abilities {
    pub fn check(&self) -> Result<(), Invalid> {
        if self.max_names == Some(0) {
            let remedy = "give the most names that one certificate can have, or leave it out";
            return Err(Invalid::new("max_names", "a certificate has at least one name", remedy));
        }
        if self.key_algorithms.is_empty() {
            let remedy = "name at least one of p256, p384, rsa2048, rsa3072, rsa4096";
            return Err(Invalid::new("key_algorithms", "the list is empty", remedy));
        }
        if self.challenges.is_empty() {
            let remedy = "name at least one of http-01, dns-01, none";
            return Err(Invalid::new("challenges", "the list is empty", remedy));
        }
        Ok(())
    }
}

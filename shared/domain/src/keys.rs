//! Keys of certificates: the algorithms public CAs accept, the backends that hold them, how often they change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// Accepted by public CAs today (Let's Encrypt "Integration Guide", keys): nothing else is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "&'static str")]
pub enum KeyAlgorithm {
    #[default]
    EcP256,
    EcP384,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl KeyAlgorithm {
    pub const ALL: [Self; 5] = [Self::EcP256, Self::EcP384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcP256 => "p256",
            Self::EcP384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }
}

impl TryFrom<String> for KeyAlgorithm {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| {
                let remedy = "use p256, p384, rsa2048, rsa3072 or rsa4096: public CAs accept no other key";
                Invalid::new("key_algorithm", format!("{text:?} is no key that a CA accepts"), remedy)
            })
    }
}

impl From<KeyAlgorithm> for &'static str {
    fn from(algorithm: KeyAlgorithm) -> Self {
        algorithm.as_str()
    }
}

/// Where the private key of the certificate lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyBackend {
    /// Made by the key-signer and sealed under the workspace's key.
    #[default]
    Local,
    Vault,
    AwsKms,
}

/// Whether a renewal makes a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyRotation {
    #[default]
    Always,
    Keep,
}

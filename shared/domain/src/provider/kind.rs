//! Which kind of CA a provider is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which kind of CA issues. `acme` is any RFC 8555 CA, named by its directory URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Letsencrypt,
    Acme,
    AwsAcm,
    GcpCm,
    VaultPki,
    Manual,
}

impl Provider {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letsencrypt => "letsencrypt",
            Self::Acme => "acme",
            Self::AwsAcm => "aws_acm",
            Self::GcpCm => "gcp_cm",
            Self::VaultPki => "vault_pki",
            Self::Manual => "manual",
        }
    }
}

//! Sealed secrets as they rest and travel. Plaintext has no type in this room: it never leaves custody.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// `cmek:v1:…`: a secret under its workspace's key-encryption key. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^cmek:v1:"))]
pub struct Envelope(String);

impl Envelope {
    pub const PREFIX: &'static str = "cmek:v1:";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Envelope {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text.starts_with(Self::PREFIX) {
            Ok(Self(text))
        } else {
            // The value may be a plaintext secret that someone put into the wrong field: it is not repeated here.
            Err(Invalid::new(
                "envelope",
                "the value is not sealed",
                "seal it through the key-signer (cmek:v1:…)",
            ))
        }
    }
}

impl From<Envelope> for String {
    fn from(envelope: Envelope) -> Self {
        envelope.0
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes)", self.0.len())
    }
}

/// What a secret is for; bound into its envelope, so that a leaf key can never be opened as an account key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The private key of a certificate (`local` backend): PKCS#8 PEM.
    LeafKey,
    /// The key of an ACME account: PKCS#8 DER.
    AcmeAccount,
    /// What operators store for DNS, SSH, webhooks and mail.
    Credential,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeafKey => "leaf-key",
            Self::AcmeAccount => "acme-account",
            Self::Credential => "credential",
        }
    }
}

//! The seam of key backends: where the private key of a certificate is made, and who signs with it.
//!
//! One file per body. A library's error is translated there, once, into the remedy.

#[cfg(test)]
mod contract;
pub mod local;

use async_trait::async_trait;
use domain::key_source::KeySource;
use domain::keys::KeyAlgorithm;
use domain::run::{Check, PreparedKey};
use domain::secret::Envelope;
use domain::{DnsName, RunId, WorkspaceId};

/// What one renewal needs of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequest<'a> {
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub names: &'a [DnsName],
    pub algorithm: KeyAlgorithm,
    /// The key in use, when the policy keeps it; absent: a new one.
    pub keep: Option<&'a Envelope>,
    /// The sealed key shall open for this run alone.
    pub bind_to_run: bool,
}

/// Every kind of key source that this key-signer serves.
pub struct Backends {
    local: Box<dyn KeyBackend>,
}

impl Backends {
    pub fn new(local: impl KeyBackend + 'static) -> Self {
        Self { local: Box::new(local) }
    }

    /// What holds keys of this source. The only match on its kind in the key-signer.
    pub fn of(&self, source: &KeySource) -> Result<&dyn KeyBackend, BackendError> {
        match source {
            KeySource::Local(_) => Ok(&*self.local),
            KeySource::Vault(_) => Err(BackendError::Unsupported { backend: "vault" }),
            KeySource::AwsKms(_) => Err(BackendError::Unsupported { backend: "aws_kms" }),
        }
    }
}

/// One key backend, whatever its kind.
#[async_trait]
pub trait KeyBackend: Send + Sync {
    /// A key as requested and a CSR signed by it. May be called again: an unused key is only
    /// forgotten.
    async fn prepare(&self, request: KeyRequest<'_>) -> Result<PreparedKey, BackendError>;

    /// Tries what `prepare` needs, permissions and a signature, and leaves nothing behind.
    async fn rehearse(&self, request: KeyRequest<'_>) -> Result<Vec<Check>, BackendError>;
}

/// Named by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// This version of the key-signer has no such backend.
    #[error("the key backend {backend} is not supported by this version")]
    Unsupported { backend: &'static str },
    /// The kept key cannot be opened, or is no private key.
    #[error("the key that the policy keeps cannot be used: {reason}")]
    KeptKey { reason: String },
    #[error("the key that the policy keeps is {kept}, and the policy asks for {wanted}")]
    OtherAlgorithm { kept: String, wanted: &'static str },
    /// No CSR can be made of these names.
    #[error("no certificate request can be made of the names: {reason}")]
    Names { reason: String },
    /// What the key signed does not verify, or it did not sign.
    #[error("the certificate request is not signed by its key: {reason}")]
    NotSigned { reason: String },
    /// May be better later.
    #[error("the key backend cannot be used now: {reason}")]
    Unavailable { reason: String },
}

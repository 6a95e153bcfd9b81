//! What one handshake with an address comes to: a chain, or why there is none.

use domain::Timestamp;
use domain::certificate::{CertificateFacts, Fingerprint};
use rustls::pki_types::CertificateDer;

/// What a server presented in one handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Leaf first, never empty.
    pub chain: Vec<CertificateDer<'static>>,
    pub leaf: Fingerprint,
    pub protocol: String,
    pub cipher: String,
    /// Why the handshake did not end after the chain was on the wire.
    pub unfinished: Option<String>,
}

impl Presented {
    /// When its leaf ends; one that cannot be read comes first.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let leaf = CertificateFacts::read(self.chain.first()?);
        leaf.ok().map(|leaf| leaf.not_after)
    }
}

/// Why nothing could be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error("{host} does not resolve: {why}")]
    NoAddress { host: String, why: String },
    /// This verifier has no way there: nothing is known of what the address serves.
    #[error("it cannot be seen from this verifier: {0}")]
    Unseen(String),
    /// No connection and no refusal: the address may be down, or something between drops what is sent there.
    #[error("{0}")]
    Unanswered(String),
    /// Something answered, and it was no certificate.
    #[error("{0}")]
    Unreachable(String),
}

/// Stands for an address before its first look.
pub(crate) static NOT_LOOKED: ProbeError = ProbeError::Unanswered(String::new());

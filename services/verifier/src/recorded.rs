//! What one handshake shows before it ends, or instead of ending.
//!
//! In: the library's callbacks. Out: the chain, whether its key was proven, whether the server
//! asked for a certificate of ours. Never: trust in a chain; every chain is accepted.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use domain::certificate::{CertificateFacts, Fingerprint};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use crate::presented::{Presented, ProbeError};

/// Shorter keys are refused by the clients of today.
const LEAST_RSA_BITS: u32 = 2048;

/// Of one handshake.
#[derive(Debug, Default)]
pub struct Recorded {
    chain: OnceLock<Vec<CertificateDer<'static>>>,
    proven: AtomicBool,
    wants_client_certificate: AtomicBool,
}

impl Recorded {
    pub fn has_chain(&self) -> bool {
        self.chain.get().is_some_and(|chain| !chain.is_empty())
    }

    pub fn to_presented(
        &self,
        protocol: String,
        cipher: String,
        unfinished: Option<String>,
    ) -> Result<Presented, ProbeError> {
        let chain = self.chain.get().cloned().unwrap_or_default();
        let leaf = chain.first().map(|leaf| Fingerprint::of(leaf));
        Ok(Presented {
            leaf: leaf.ok_or_else(|| ProbeError::Unreachable("the server sent no certificate".to_owned()))?,
            chain,
            protocol,
            cipher,
            unfinished,
        })
    }

    /// Whether the server has shown that the key is not its own.
    pub fn is_refuted(&self, error: &io::Error) -> bool {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        matches!(tls, Some(Error::InvalidCertificate(CertificateError::BadSignature))) && self.weakness().is_none()
    }

    /// Why the handshake did not end, when that is known.
    pub fn reason(&self) -> Option<String> {
        if self.proven.load(Ordering::Relaxed) && self.wants_client_certificate.load(Ordering::Relaxed) {
            return Some("the server wants a client certificate".to_owned());
        }
        self.weakness()
    }

    /// What is wrong with the leaf itself, so that no client of today checks a signature by it.
    fn weakness(&self) -> Option<String> {
        let leaf = self.chain.get()?.first()?;
        let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
        if parsed.version() != X509Version::V3 {
            let version = parsed.version().0.saturating_add(1);
            return Some(format!(
                "its certificate is X.509 version {version}: clients of today want version 3"
            ));
        }
        let facts = CertificateFacts::read(leaf).ok()?;
        (facts.key_type == "RSA" && facts.key_bits < LEAST_RSA_BITS).then(|| {
            let bits = facts.key_bits;
            format!("its RSA key has {bits} bits only: clients of today want {LEAST_RSA_BITS} or more")
        })
    }
}

/// Takes every chain; the handshake's own signature is checked.
#[derive(Debug)]
pub struct AcceptAny {
    provider: Arc<CryptoProvider>,
    recorded: Arc<Recorded>,
}

impl AcceptAny {
    pub fn new(provider: &Arc<CryptoProvider>, recorded: &Arc<Recorded>) -> Self {
        Self {
            provider: Arc::clone(provider),
            recorded: Arc::clone(recorded),
        }
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    fn proven(&self, checked: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
        self.recorded.proven.store(checked.is_ok(), Ordering::Relaxed);
        checked
    }
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(leaf).chain(others).map(|one| one.clone().into_owned());
        // A handshake shows one chain.
        let _ = self.recorded.chain.set(chain.collect());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(verify_tls12_signature(message, leaf, signed, self.algorithms()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(verify_tls13_signature(message, leaf, signed, self.algorithms()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

/// Has no certificate of its own, and remembers that one was asked for.
#[derive(Debug)]
pub struct NoCertificate(Arc<Recorded>);

impl NoCertificate {
    pub fn new(recorded: &Arc<Recorded>) -> Self {
        Self(Arc::clone(recorded))
    }
}

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.wants_client_certificate.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

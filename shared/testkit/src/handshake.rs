//! What a TLS server really serves, by a handshake of our own.
//!
//! In: an address and a server name. Out: the leaf certificate. It shares no code with the verifier service, so the
//! two can be held against each other. Never: judges; any certificate is accepted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const BOUND: Duration = Duration::from_secs(5);

/// The first certificate that a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedLeaf {
    pub der: Vec<u8>,
    /// SHA-256 over the DER, in lower-case hex without separators.
    pub sha256_hex: String,
}

/// Dials, asks for `server_name`, and returns the leaf that comes.
///
/// # Errors
/// If there is no connection or no handshake within five seconds.
pub async fn served_leaf(address: SocketAddr, server_name: &str) -> Result<ServedLeaf> {
    let look = dial(address, server_name.to_owned());
    let served = tokio::time::timeout(BOUND, look)
        .await
        .context("no handshake within five seconds");
    served
        .flatten()
        .with_context(|| format!("handshake with {address} for {server_name}"))
}

async fn dial(address: SocketAddr, server_name: String) -> Result<ServedLeaf> {
    let name = ServerName::try_from(server_name)?;
    let stream = TlsConnector::from(Arc::new(config()?))
        .connect(name, TcpStream::connect(address).await?)
        .await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let der = chain.first().context("the server sent no certificate")?.to_vec();
    Ok(ServedLeaf {
        sha256_hex: sha256_hex(&der),
        der,
    })
}

/// The fingerprint as [`ServedLeaf`] writes it.
#[must_use]
pub fn sha256_hex(der: &[u8]) -> String {
    hex::encode(Sha256::digest(der))
}

fn config() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
        .with_no_client_auth();
    // A resumed session would carry the certificate of the past.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Accepts every chain; the handshake's own signature is checked, so the server does hold the leaf's key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

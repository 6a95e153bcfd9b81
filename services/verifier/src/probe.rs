//! Dials a host and takes down what it presents.
//!
//! In: a hostname and addresses. Out: the chain, protocol and cipher of a real TLS handshake, or why there was none.
//! Never: judges; expired and self-signed certificates are seen like any other. The server must prove that it holds the
//! leaf's key, or it is not served by it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::certificate::{CertificateFacts, Fingerprint, Seen, Served, Snapshot};
use domain::{Hostname, SnapshotId, Timestamp};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::trust::Trust;

/// Cheap to share: one configuration serves all handshakes.
pub struct Prober {
    connector: TlsConnector,
    trust: Trust,
    patience: Patience,
}

/// For one look at one address.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub connect: Duration,
    pub handshake: Duration,
}

/// What a server presented in one handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Leaf first, never empty.
    pub chain: Vec<CertificateDer<'static>>,
    pub leaf: Fingerprint,
    pub protocol: String,
    pub cipher: String,
}

/// Why nothing could be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error("{host} does not resolve: {why}")]
    NoAddress { host: String, why: String },
    #[error("{0}")]
    Unreachable(String),
}

impl Prober {
    pub fn new(trust: Trust, patience: Patience) -> Result<Self, Error> {
        let provider = Arc::new(CryptoProvider {
            // The hybrid groups cost half a handshake more and say nothing about the certificate.
            kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
            ..aws_lc_rs::default_provider()
        });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
            .with_no_client_auth();
        // A resumed session shows no certificate, or that of the past.
        config.resumption = Resumption::disabled();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            trust,
            patience,
        })
    }

    /// The addresses to dial: those given, else what the name service says.
    pub async fn addresses(&self, host: &Hostname, port: u16, given: &[IpAddr]) -> Result<Vec<SocketAddr>, ProbeError> {
        if !given.is_empty() {
            return Ok(given.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
        }
        let none = |why: String| ProbeError::NoAddress {
            host: host.to_string(),
            why,
        };
        let asked = timeout(self.patience.connect, tokio::net::lookup_host((host.as_str(), port))).await;
        let found = asked.map_err(|_| none("the name service did not answer in time".to_owned()))?;
        let mut all: Vec<SocketAddr> = found.map_err(|e| none(e.to_string()))?.collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            Err(none("the name has no address".to_owned()))
        } else {
            Ok(all)
        }
    }

    /// One handshake with one address, asking for the host by SNI.
    pub async fn look(&self, host: &Hostname, address: SocketAddr) -> Result<Presented, ProbeError> {
        let connected = timeout(self.patience.connect, TcpStream::connect(address)).await;
        let stream = connected
            .map_err(|_| unreachable(format!("no connection within {:?}", self.patience.connect)))?
            .map_err(|e| unreachable(format!("no connection: {e}")))?;
        let shaken = timeout(self.patience.handshake, self.connector.connect(name(host)?, stream)).await;
        let stream = shaken
            .map_err(|_| {
                unreachable(format!(
                    "it accepts, but no TLS handshake within {:?}",
                    self.patience.handshake
                ))
            })?
            .map_err(|e| unreachable(format!("it accepts, but the TLS handshake fails: {e}")))?;
        let (_, session) = stream.get_ref();
        let chain: Vec<CertificateDer<'static>> = session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|one| one.clone().into_owned())
            .collect();
        let leaf = chain.first().map(|leaf| Fingerprint::of(leaf));
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        Ok(Presented {
            leaf: leaf.ok_or_else(|| unreachable("the server sent no certificate".to_owned()))?,
            protocol: words(session.protocol_version()),
            cipher: words(suite),
            chain,
        })
    }

    /// A look as it is kept.
    pub fn snapshot(&self, host: &Hostname, at: &Observation, now: Timestamp) -> Snapshot {
        let unreadable = |why: String| Seen::Unreachable { probe_error: why };
        let seen = match &at.seen {
            Ok(presented) => self.served(host, presented, now).unwrap_or_else(unreadable),
            Err(error) => unreadable(error.to_string()),
        };
        Snapshot {
            id: SnapshotId::new(),
            dialled: at.address,
            taken_at: now,
            seen,
        }
    }

    fn served(&self, host: &Hostname, presented: &Presented, now: Timestamp) -> Result<Seen, String> {
        let leaf = presented.chain.first().ok_or("the server sent no certificate")?;
        let name = name(host).map_err(|e| e.to_string())?;
        let chain_problem = self.trust.problem(&presented.chain, &name, now);
        Ok(Seen::Served(Box::new(Served {
            leaf: CertificateFacts::read(leaf).map_err(|e| e.to_string())?,
            leaf_pem: pem(leaf),
            chain_pem: presented.chain.iter().map(|one| pem(one)).collect(),
            chain_fingerprints: presented.chain.iter().map(|one| Fingerprint::of(one)).collect(),
            chain_trusted: chain_problem.is_none(),
            chain_problem,
            protocol: presented.protocol.clone(),
            cipher: presented.cipher.clone(),
        })))
    }
}

/// One look at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub address: SocketAddr,
    pub seen: Result<Presented, ProbeError>,
}

fn name(host: &Hostname) -> Result<ServerName<'static>, ProbeError> {
    ServerName::try_from(host.as_str().to_owned()).map_err(|e| unreachable(format!("{host} cannot be asked for: {e}")))
}

fn unreachable(why: String) -> ProbeError {
    ProbeError::Unreachable(why)
}

fn words(negotiated: Option<impl fmt::Debug>) -> String {
    negotiated.map_or_else(|| "unknown".to_owned(), |one| format!("{one:?}"))
}

/// RFC 7468, 64 characters per line.
pub fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = String::with_capacity(text.len() + text.len() / 64 + 60);
    out.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

/// Takes every chain; the handshake's own signature is checked.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
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

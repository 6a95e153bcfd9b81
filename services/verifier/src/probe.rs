//! Dials a host and takes down what it presents.
//!
//! In: a hostname and addresses. Out: the chain, protocol and cipher of a real TLS handshake, or
//! why there was none. Never: judges; expired and self-signed certificates are seen like any other.
//! The server must prove that it holds the leaf's key, or it is not served by it.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::tls::in_words;
use domain::certificate::{CertificateFacts, ChainMember, Fingerprint, LookResult, OtherLeaf, Served, Snapshot};
use domain::host::MOST_ADDRESSES;
use domain::reach::Reach;
use domain::{Hostname, SnapshotId, Timestamp};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::hash::HashAlgorithm;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error, SupportedCipherSuite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::warn;

use crate::hello::{Flight, Heard, Listener, client_hello};
use crate::presented::{Presented, ProbeError};
use crate::recorded::{AcceptAny, NoCertificate, Recorded};
use crate::tally::Tally;
use crate::trust::Trust;

/// Cheap to share: one configuration serves all handshakes.
pub struct Prober {
    config: ClientConfig,
    provider: Arc<CryptoProvider>,
    trust: Trust,
    patience: Patience,
    reach: Reach,
    told: Told,
}

/// For one look at one address.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub connect: Duration,
    pub handshake: Duration,
}

/// What was told already: a verifier without IPv6 says so once, not for each host.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeSet<(bool, String)>>);

impl Told {
    /// Whether this is the first time.
    pub(crate) fn is_new(&self, address: IpAddr, why: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((address.is_ipv6(), why.to_owned()))
    }
}

/// The addresses of a host, and how many more its name has than one look takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    pub all: Vec<SocketAddr>,
    pub left_out: usize,
}

impl Prober {
    pub fn new(trust: Trust, patience: Patience) -> Result<Self, Error> {
        let defaults = aws_lc_rs::default_provider();
        let provider = Arc::new(CryptoProvider {
            // The hybrid groups cost half a handshake more and say nothing about the certificate.
            kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
            cipher_suites: cheapest_first(&defaults.cipher_suites),
            ..defaults
        });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny::new(&provider, &Arc::default())))
            .with_no_client_auth();
        // A resumed session shows no certificate, or that of the past.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            provider,
            trust,
            patience,
            reach: Reach::default(),
            told: Told::default(),
        })
    }

    /// With these rules for which addresses are dialled.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// The addresses to dial: those given, else what the name service says.
    pub async fn addresses(&self, host: &Hostname, port: u16, given: &[IpAddr]) -> Result<Addresses, ProbeError> {
        if !given.is_empty() {
            return Ok(bounded(given.iter().map(|ip| SocketAddr::new(*ip, port)).collect()));
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
            Ok(bounded(all))
        }
    }

    /// One handshake with one address on a fresh connection, asking for the host by SNI.
    pub async fn look(&self, host: &Hostname, address: SocketAddr) -> Result<Presented, ProbeError> {
        let stream = self.connect(address).await?;
        let recorded = Arc::new(Recorded::default());
        let mut config = self.config.clone();
        let verifier = AcceptAny::new(&self.provider, &recorded);
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        config.client_auth_cert_resolver = Arc::new(NoCertificate::new(&recorded));
        let connector = TlsConnector::from(Arc::new(config));
        let shaken = timeout(self.patience.handshake, connector.connect(name(host)?, stream)).await;
        match shaken {
            Ok(Ok(stream)) => {
                let (_, session) = stream.get_ref();
                let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
                recorded.to_presented(words(session.protocol_version()), words(suite), None)
            }
            Ok(Err(error)) => self.conclude_unfinished(host, address, &recorded, &error).await,
            Err(_) => Err(unreachable(format!(
                "it accepts, but no TLS handshake within {:?}",
                self.patience.handshake
            ))),
        }
    }

    /// The address is judged here, where it is dialled: no name can lead elsewhere in between.
    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, ProbeError> {
        if let Some(why) = self.reach.refusal(address.ip()) {
            return Err(self.unseen(address, format!("it is not dialled: {why}")));
        }
        match timeout(self.patience.connect, TcpStream::connect(address)).await {
            Err(_) => Err(ProbeError::Unanswered(format!(
                "no connection within {:?}",
                self.patience.connect
            ))),
            // The kernel gave up first.
            Ok(Err(error)) if error.kind() == ErrorKind::TimedOut => {
                Err(ProbeError::Unanswered(format!("no answer to the connection: {error}")))
            }
            Ok(Err(error)) if is_our_own(&error) => Err(self.unseen(address, error.to_string())),
            Ok(Err(error)) => Err(unreachable(format!("no connection: {error}"))),
            Ok(Ok(stream)) => Ok(stream),
        }
    }

    fn unseen(&self, address: SocketAddr, why: String) -> ProbeError {
        if self.told.is_new(address.ip(), &why) {
            let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
            warn!(
                %why, %address, family,
                "this verifier cannot see some addresses: what they serve stays unknown; this is said once"
            );
        }
        ProbeError::Unseen(why)
    }

    /// The handshake broke off. What was on the wire is told with the reason; where that was
    /// nothing yet, a plain hello asks once more.
    async fn conclude_unfinished(
        &self,
        host: &Hostname,
        address: SocketAddr,
        recorded: &Recorded,
        error: &io::Error,
    ) -> Result<Presented, ProbeError> {
        let why = in_words(error);
        if recorded.is_refuted(error) {
            return Err(unreachable(format!("it accepts, but the TLS handshake fails: {why}")));
        }
        if recorded.has_chain() {
            let reason = recorded.reason().unwrap_or_else(|| why.clone());
            return recorded.to_presented("TLSv1_2".to_owned(), "unknown".to_owned(), Some(reason));
        }
        let hello = timeout(self.patience.handshake, self.first_flight(host, address)).await;
        match hello {
            Ok(Some(flight)) if !flight.chain.is_empty() => {
                let reason = flight.hindrance().unwrap_or(why);
                Ok(Presented {
                    leaf: flight.leaf().unwrap_or_else(|| Fingerprint::of(&[])),
                    protocol: flight.protocol(),
                    cipher: flight.cipher(),
                    unfinished: Some(reason),
                    chain: flight.chain,
                })
            }
            Ok(_) | Err(_) => Err(unreachable(format!("it accepts, but the TLS handshake fails: {why}"))),
        }
    }

    async fn first_flight(&self, host: &Hostname, address: SocketAddr) -> Option<Flight> {
        let mut stream = self.connect(address).await.ok()?;
        stream
            .write_all(&client_hello(host.as_str(), rand::random()))
            .await
            .ok()?;
        let (mut listener, mut buffer) = (Listener::default(), vec![0; 8 * 1024]);
        loop {
            let length = stream.read(&mut buffer).await.ok()?;
            match listener.hear(&buffer[..length]) {
                Heard::Part if length > 0 => {}
                Heard::All | Heard::Part => return Some(listener.flight),
                Heard::Alert(_) | Heard::Strange => return None,
            }
        }
    }

    /// Looks as they are kept: one snapshot of an address.
    pub fn snapshot(&self, host: &Hostname, at: &Tally, now: Timestamp) -> Snapshot {
        let unreadable = |why: String| LookResult::Unreachable { probe_error: why };
        let seen = match at.shown() {
            Ok(presented) => self.judge_served(host, presented, now).unwrap_or_else(unreadable),
            Err(error) => unreadable(error.to_string()),
        };
        let others = match &seen {
            LookResult::Served(served) => others(at, &served.leaf.fingerprint),
            LookResult::Unreachable { .. } => Vec::new(),
        };
        Snapshot {
            id: SnapshotId::new(),
            dialled: at.address,
            taken_at: now,
            seen,
            looks: at.counted(),
            others,
        }
    }

    fn judge_served(&self, host: &Hostname, presented: &Presented, now: Timestamp) -> Result<LookResult, String> {
        let leaf = presented.chain.first().ok_or("the server sent no certificate")?;
        let name = name(host).map_err(|e| e.to_string())?;
        let chain_problem = self.trust.problem(&presented.chain, &name, now);
        Ok(LookResult::Served(Box::new(Served {
            leaf: CertificateFacts::read(leaf).map_err(|e| e.to_string())?,
            leaf_pem: pem(leaf),
            chain_pem: presented.chain.iter().map(|one| pem(one)).collect(),
            chain_fingerprints: presented.chain.iter().map(|one| Fingerprint::of(one)).collect(),
            chain_trusted: chain_problem.is_none(),
            chain_problem,
            protocol: presented.protocol.clone(),
            cipher: presented.cipher.clone(),
            chain_end: ChainMember::ending_first(&presented.chain),
            unfinished: presented.unfinished.clone(),
        })))
    }
}

/// The library prefers suites with SHA-384, which most processors compute several times slower: a
/// look sends no data worth it. Whatever a server wants is still offered.
fn cheapest_first(all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
    let hash = |suite: &SupportedCipherSuite| match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider.algorithm(),
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider.algorithm(),
    };
    let (cheap, rest): (Vec<_>, Vec<_>) = all.iter().partition(|suite| hash(suite) == HashAlgorithm::SHA256);
    [cheap, rest].concat()
}

/// The further leaves of an address, each once.
fn others(at: &Tally, shown: &Fingerprint) -> Vec<OtherLeaf> {
    let further = at.current().into_iter().filter(|one| one.leaf != *shown);
    let leaves = further.filter_map(|one| CertificateFacts::read(one.chain.first()?).ok());
    let each: BTreeSet<OtherLeaf> = leaves
        .map(|leaf| OtherLeaf {
            called: leaf.called().to_owned(),
            not_after: leaf.not_after,
            fingerprint: leaf.fingerprint,
        })
        .collect();
    each.into_iter().collect()
}

fn bounded(mut all: Vec<SocketAddr>) -> Addresses {
    let left_out = all.len().saturating_sub(MOST_ADDRESSES);
    all.truncate(MOST_ADDRESSES);
    Addresses { all, left_out }
}

/// Whether the way there is missing here, which says nothing of the server: no route, no address or
/// protocol of our own, no permission, no file or port left.
fn is_our_own(error: &io::Error) -> bool {
    /// EMFILE, ENFILE, EAFNOSUPPORT, ENOBUFS on Linux: the standard library has no names for them.
    const NUMBERS: [i32; 4] = [24, 23, 97, 105];
    matches!(
        error.kind(),
        ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
            | ErrorKind::PermissionDenied
    ) || error.raw_os_error().is_some_and(|number| NUMBERS.contains(&number))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_cannot_reach_is_told_apart_from_what_a_server_does() {
        for number in [101, 113, 100, 99, 97, 13, 1, 24, 23, 105] {
            assert!(is_our_own(&io::Error::from_raw_os_error(number)), "errno {number}");
        }
        for number in [111, 104, 110, 103] {
            assert!(!is_our_own(&io::Error::from_raw_os_error(number)), "errno {number}");
        }
    }

    #[test]
    fn a_way_that_is_missing_is_told_once_and_not_for_each_host() {
        let (told, why) = (Told::default(), "Network is unreachable");
        let (six, four) = (
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
            IpAddr::from([192, 0, 2, 1]),
        );
        assert!(told.is_new(six, why));
        for last in 2..100 {
            assert!(!told.is_new(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]), why));
        }
        assert!(told.is_new(four, why), "the other family is another matter");
    }

    #[test]
    fn a_name_with_many_addresses_is_looked_at_in_part_and_the_rest_is_counted() {
        let many: Vec<SocketAddr> = (0..40).map(|last| SocketAddr::from(([192, 0, 2, last], 443))).collect();
        let bounded = bounded(many);
        assert_eq!((bounded.all.len(), bounded.left_out), (32, 8));
    }
}

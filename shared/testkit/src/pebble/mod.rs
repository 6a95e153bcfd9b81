//! Pebble, a real ACME CA, and the DNS server that it asks.
//!
//! In: [`PebbleOptions`]. Out: the directory URL, the roots, what the CA itself says it has issued, and the power to
//! break a name's DNS or to restart the CA (after which it has forgotten everything). Every hostname resolves to
//! 127.0.0.1, where the CA validates http-01 at [`Pebble::http_port`].

mod files;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{GeneralName, X509Certificate};

use self::files::{ca_spec, configuration, dns_spec, write_files};
use crate::pki;
use crate::process::Peer;
use crate::ready::Ready;
use crate::tools::server_account;
use crate::{http, ports, run_dir};

/// For a question that it answers from memory.
const HANGS_AFTER: Duration = Duration::from_secs(5);

/// How the CA shall behave. The default is a friendly one without chance in it.
#[derive(Clone, Debug)]
pub struct PebbleOptions {
    /// Where the CA connects to for http-01; `None` leases a port.
    pub http_port: Option<u16>,
    /// Of a hundred requests, how many are refused with `badNonce`.
    pub nonce_reject_percent: u8,
    /// Of a hundred new orders, how many reuse a valid authorization.
    pub authz_reuse_percent: u8,
    /// Refuses requests that the next version of the protocol may refuse.
    pub strict: bool,
    /// Life of the certificates.
    pub validity: Duration,
    /// Further profiles beside `default`. Pebble takes any of those that it has for an order that
    /// names none.
    pub profiles: Vec<String>,
    /// Whether each validation first sleeps up to 15 seconds, as a busy CA does.
    pub slow_validation: bool,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self {
            http_port: None,
            nonce_reject_percent: 0,
            authz_reuse_percent: 0,
            strict: true,
            validity: Duration::from_hours(90 * 24),
            profiles: Vec::new(),
            slow_validation: false,
        }
    }
}

/// A certificate that the CA has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    pub serial_hex: String,
    pub names: Vec<String>,
}

/// One CA of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Pebble {
    ca: Peer,
    dns: Peer,
    api_root: PathBuf,
    client: reqwest::Client,
    ports: Ports,
}

#[derive(Debug)]
struct Ports {
    directory: ports::Port,
    management: ports::Port,
    tls_alpn: ports::Port,
    dns: ports::Port,
    dns_management: ports::Port,
    http: u16,
    _http_lease: Option<ports::Port>,
}

impl Pebble {
    /// Starts the CA and its DNS server.
    ///
    /// # Errors
    /// If Pebble (2.8 or later) is not installed or does not start.
    pub async fn start(options: PebbleOptions) -> Result<Self> {
        let account = server_account()?;
        let ports = Ports::lease(options.http_port)?;
        let directory = run_dir::fresh("pebble", account)?;
        let tls = pki::local_server()?;
        write_files(&directory, &configuration(&ports, &options), &tls, account)?;
        let client = http::client(&tls.root_pem)?;
        let dns = Peer::start(dns_spec(&ports, account)?).await?;
        let ready = Ready::Http {
            client: client.clone(),
            url: url(&ports.directory, "/dir"),
        };
        let ca = Peer::start(ca_spec(&directory, &ports, &options, ready)?.account(account)).await?;
        Ok(Self {
            ca,
            dns,
            api_root: directory.join("api-root.pem"),
            client,
            ports,
        })
    }

    /// The ACME directory.
    #[must_use]
    pub fn directory_url(&self) -> String {
        url(&self.ports.directory, "/dir")
    }

    /// The file with the root that the CA's own HTTPS chains to (PEM). The certificates that it
    /// issues chain to another one: [`Pebble::issuance_root_pem`].
    #[must_use]
    pub fn api_root_path(&self) -> &Path {
        &self.api_root
    }

    /// The port of 127.0.0.1 at which the CA asks for http-01 tokens.
    #[must_use]
    pub const fn http_port(&self) -> u16 {
        self.ports.http
    }

    /// Sends the CA's process a signal: one that is stopped answers no request until it goes on.
    ///
    /// # Errors
    /// If it is not running.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.ca.signal(signal)
    }

    /// The root that issued certificates chain to. A restart makes a new one.
    ///
    /// # Errors
    /// If the CA does not answer.
    pub async fn issuance_root_pem(&self) -> Result<String> {
        self.ask("/roots/0").await
    }

    /// The intermediate that signs the leafs.
    ///
    /// # Errors
    /// If the CA does not answer.
    pub async fn issuance_intermediate_pem(&self) -> Result<String> {
        self.ask("/intermediates/0").await
    }

    /// How many certificates the CA has issued, by its own log, restarts included.
    #[must_use]
    pub fn issued(&self) -> usize {
        serials(&self.ca.log()).count()
    }

    /// How many orders were opened at the CA, by its own log, restarts included.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.ca.log().matches("Added order ").count()
    }

    /// What the CA has issued since it was last started, by its own records.
    ///
    /// # Errors
    /// If the CA does not answer or does not know a certificate that it has issued.
    pub async fn issued_certificates(&self) -> Result<Vec<Issued>> {
        let log = self.ca.log_since_start();
        let mut issued = Vec::new();
        for serial in serials(&log) {
            let status = self.ask(&format!("/cert-status-by-serial/{serial}")).await?;
            let names = names_of(&status).with_context(|| format!("certificate {serial}"))?;
            issued.push(Issued {
                serial_hex: serial.to_owned(),
                names,
            });
        }
        Ok(issued)
    }

    /// How many certificates the CA has issued for this name since it was last started.
    ///
    /// # Errors
    /// As [`Pebble::issued_certificates`].
    pub async fn issued_for(&self, hostname: &str) -> Result<usize> {
        let all = self.issued_certificates().await?;
        Ok(all
            .iter()
            .filter(|issued| issued.names.iter().any(|name| name == hostname))
            .count())
    }

    /// The DNS server that the CA asks; anybody may.
    #[must_use]
    pub fn dns_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.dns.number()).into()
    }

    /// The name gets a CAA record of its own.
    ///
    /// # Errors
    /// If the DNS server does not answer.
    pub async fn add_caa(&self, hostname: &str, tag: &str, value: &str) -> Result<()> {
        let policies = json!([{"tag": tag, "value": value}]);
        self.tell_dns(
            "/add-caa",
            &json!({ "host": format!("{hostname}."), "policies": policies }),
        )
        .await
    }

    /// From now on the name does not resolve, so no challenge for it can be reached.
    ///
    /// # Errors
    /// If the DNS server does not answer.
    pub async fn break_dns(&self, hostname: &str) -> Result<()> {
        self.tell_dns("/set-servfail", &json!({ "host": format!("{hostname}.") }))
            .await
    }

    /// The name resolves again.
    ///
    /// # Errors
    /// If the DNS server does not answer.
    pub async fn mend_dns(&self, hostname: &str) -> Result<()> {
        self.tell_dns("/clear-servfail", &json!({ "host": format!("{hostname}.") }))
            .await
    }

    /// From now on this is what the CA answers when it is asked about the certificate (PEM):
    /// whatever it is, with 200.
    ///
    /// # Errors
    /// If the CA does not answer, or does not know the certificate.
    pub async fn set_renewal_info(&self, leaf_pem: &str, answer: &str) -> Result<()> {
        let url = url(&self.ports.management, "/set-renewal-info/");
        let body = json!({ "Certificate": leaf_pem, "ARIResponse": answer });
        let status = self.client.post(&url).body(body.to_string()).send().await?.status();
        ensure!(status.is_success(), "{url} answers {status}");
        Ok(())
    }

    /// Kills the CA and starts it again: it has a new root, and has lost all earlier accounts and
    /// orders.
    ///
    /// # Errors
    /// If it does not come back.
    pub async fn kill_and_restart(&self) -> Result<()> {
        self.ca.kill_hard()?;
        self.ca.start_again().await
    }

    /// Whether its records are locked for good: it can lock itself up with a few orders in flight,
    /// and still gives out its directory and nonces.
    pub async fn hangs(&self) -> bool {
        let asked = self.ask("/cert-status-by-serial/0");
        tokio::time::timeout(HANGS_AFTER, asked).await.is_err()
    }

    /// The CA's process.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.ca
    }

    /// The process of its DNS server.
    #[must_use]
    pub const fn dns_peer(&self) -> &Peer {
        &self.dns
    }

    async fn ask(&self, path: &str) -> Result<String> {
        let url = url(&self.ports.management, path);
        let response = self.client.get(&url).send().await?;
        ensure!(response.status().is_success(), "{url} answers {}", response.status());
        Ok(response.text().await?)
    }

    async fn tell_dns(&self, path: &str, what: &Value) -> Result<()> {
        let url = format!(
            "http://{}:{}{path}",
            Ipv4Addr::LOCALHOST,
            self.ports.dns_management.number()
        );
        let status = self.client.post(&url).body(what.to_string()).send().await?.status();
        ensure!(status.is_success(), "{url} answers {status}");
        Ok(())
    }
}

impl Ports {
    fn lease(http_port: Option<u16>) -> Result<Self> {
        let http_lease = http_port.is_none().then(ports::lease).transpose()?;
        let http = http_port.or(http_lease.as_ref().map(ports::Port::number));
        Ok(Self {
            directory: ports::lease()?,
            management: ports::lease()?,
            tls_alpn: ports::lease()?,
            dns: ports::lease()?,
            dns_management: ports::lease()?,
            http: http.context("a port for http-01")?,
            _http_lease: http_lease,
        })
    }
}

fn local(port: &ports::Port) -> String {
    format!("{}:{}", Ipv4Addr::LOCALHOST, port.number())
}

fn url(port: &ports::Port, path: &str) -> String {
    format!("https://{}{path}", local(port))
}

/// The serial numbers of all certificates in the CA's log, oldest first.
fn serials(log: &str) -> impl Iterator<Item = &str> {
    log.lines()
        .filter_map(|line| line.split_once("Issued certificate serial ")?.1.split(' ').next())
}

fn names_of(status: &str) -> Result<Vec<String>> {
    let status: Value = serde_json::from_str(status)?;
    let pem = status["Certificate"]
        .as_str()
        .context("the CA's answer has no Certificate")?;
    let (_, pem) = parse_x509_pem(pem.as_bytes())?;
    dns_names(&pem.parse_x509()?)
}

fn dns_names(leaf: &X509Certificate<'_>) -> Result<Vec<String>> {
    let names = leaf
        .subject_alternative_name()?
        .context("the certificate has no names")?;
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    Ok(dns.collect())
}

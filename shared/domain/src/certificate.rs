//! What a certificate says, and what a probe saw.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::clock::Timestamp;
use crate::ids::SnapshotId;

/// SHA-256 over the DER, as 64 hexadecimal digits: how a certificate is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    pub fn of(der: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(der)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of one certificate (RFC 5280) that people and judgements ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    pub fingerprint: Fingerprint,
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal, as the CA wrote it.
    pub serial: String,
    pub sans: Vec<String>,
    /// `RSA`, `EC`, or the OID.
    pub key_type: String,
    pub key_bits: u32,
    pub signature_algorithm: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub crl_urls: Vec<String>,
    pub aia_urls: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no X.509 certificate: {0}")]
pub struct NoCertificate(pub String);

impl CertificateFacts {
    /// For people: its subject, or where that is empty, as CAs leave it more and more, its first name.
    pub fn called(&self) -> &str {
        match (self.subject.as_str(), self.sans.first()) {
            ("", Some(name)) => name,
            ("", None) => "without a name",
            (subject, _) => subject,
        }
    }

    pub fn read(der: &[u8]) -> Result<Self, NoCertificate> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|e| NoCertificate(e.to_string()))?;
        let instant = |seconds| {
            Timestamp::from_unix(seconds).ok_or_else(|| NoCertificate(format!("{seconds} is out of range for a date")))
        };
        let (key_type, key_bits) = key_facts(&parsed);
        Ok(Self {
            fingerprint: Fingerprint::of(der),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: hex::encode(parsed.raw_serial()),
            sans: sans(&parsed),
            key_type,
            key_bits,
            signature_algorithm: signature_name(&parsed),
            not_before: instant(parsed.validity().not_before.timestamp())?,
            not_after: instant(parsed.validity().not_after.timestamp())?,
            crl_urls: crl_urls(&parsed),
            aia_urls: aia_urls(&parsed),
        })
    }
}

fn key_facts(parsed: &X509Certificate<'_>) -> (String, u32) {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA".to_owned(), bits(key.key_size())),
        Ok(PublicKey::EC(point)) => ("EC".to_owned(), bits(point.key_size())),
        Ok(_) | Err(_) => (parsed.public_key().algorithm.algorithm.to_id_string(), 0),
    }
}

fn bits(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(0)
}

fn signature_name(parsed: &X509Certificate<'_>) -> String {
    let oid = &parsed.signature_algorithm.algorithm;
    let registry = x509_parser::objects::oid_registry();
    registry
        .get(oid)
        .map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}

fn sans(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(text) => Some((*text).to_ascii_lowercase()),
            GeneralName::IPAddress(octets) => address(octets),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<String> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets)
            .ok()
            .map(|raw| std::net::IpAddr::from(raw).to_string()),
        16 => <[u8; 16]>::try_from(octets)
            .ok()
            .map(|raw| std::net::IpAddr::from(raw).to_string()),
        _ => None,
    }
}

fn crl_urls(parsed: &X509Certificate<'_>) -> Vec<String> {
    let points = parsed
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(points),
            _ => None,
        });
    let names = points
        .flat_map(|all| all.points.iter())
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            Some(DistributionPointName::NameRelativeToCRLIssuer(_)) | None => None,
        });
    names.flatten().filter_map(url).collect()
}

fn aia_urls(parsed: &X509Certificate<'_>) -> Vec<String> {
    let found = parsed
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        });
    found
        .flat_map(|access| access.accessdescs.iter())
        .filter_map(|one| url(&one.access_location))
        .collect()
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(text) => Some((*text).to_owned()),
        _ => None,
    }
}

/// One immutable observation of a host at one address. `days_until_expiry` is derived when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// The unspecified address when the name has none: nothing was dialled then.
    pub dialled: SocketAddr,
    pub taken_at: Timestamp,
    /// What was served, or why nothing could be seen.
    #[serde(flatten)]
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum Seen {
    Served(Box<Served>),
    Unreachable { probe_error: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    #[serde(flatten)]
    pub leaf: CertificateFacts,
    pub leaf_pem: String,
    /// The whole chain as served, leaf first, PEM.
    pub chain_pem: String,
    pub chain_fingerprints: Vec<Fingerprint>,
    pub chain_trusted: bool,
    pub chain_problem: Option<String>,
    /// For example `TLSv1_3`.
    pub protocol: String,
    pub cipher: String,
}

//! What a certificate says, and what a probe saw.

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::clock::Timestamp;
use crate::ids::SnapshotId;
use crate::text::clean_line;

/// SHA-256 over the DER, as 64 hexadecimal digits: how a certificate is recognised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Of certificates and CSRs: the parser itself says what it missed by the names of its own types.
pub const BROKEN: &str = "its bytes are broken or cut off";

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

    /// Texts are any bytes that its maker liked: control characters are replaced.
    pub fn read(der: &[u8]) -> Result<Self, NoCertificate> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| NoCertificate(BROKEN.to_owned()))?;
        let instant = |seconds| {
            Timestamp::from_unix(seconds).ok_or_else(|| NoCertificate(format!("{seconds} is out of range for a date")))
        };
        let (key_type, key_bits) = key_facts(&parsed);
        Ok(Self {
            fingerprint: Fingerprint::of(der),
            subject: clean_line(parsed.subject().to_string()),
            issuer: clean_line(parsed.issuer().to_string()),
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
            GeneralName::DNSName(text) => Some(clean_line(text.to_ascii_lowercase())),
            GeneralName::IPAddress(octets) => address(octets),
            GeneralName::OtherName(..)
            | GeneralName::RFC822Name(_)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::URI(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => None,
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
    let points = parsed.extensions().iter().filter_map(|extension| {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else {
            return None;
        };
        Some(points)
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
    let found = parsed.extensions().iter().filter_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        Some(access)
    });
    found
        .flat_map(|access| access.accessdescs.iter())
        .filter_map(|one| url(&one.access_location))
        .collect()
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    let GeneralName::URI(text) = name else {
        return None;
    };
    Some(clean_line(*text))
}

/// One immutable observation of a host at one address. `days_until_expiry` is derived when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// The unspecified address when the name has none: nothing was dialled then.
    pub dialled: SocketAddr,
    pub taken_at: Timestamp,
    /// What was served, or why nothing could be seen. Where several leaves are served by turns: the one that ends first.
    #[serde(flatten)]
    pub seen: LookResult,
    /// Handshakes on fresh connections that this comes from.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub looks: u32,
    /// Further leaves that were served at this address in the same look: whoever connects gets one or the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherLeaf>,
}

impl Snapshot {
    /// Whether the address serves several leaves by turns.
    pub fn is_mixed(&self) -> bool {
        !self.others.is_empty()
    }

    /// `3 looks, 1 leaf`: what the look rests on, and no more than that.
    pub fn extent(&self) -> String {
        let leaves = match &self.seen {
            LookResult::Served(_) => 1 + self.others.len(),
            LookResult::Unreachable { .. } => 0,
        };
        extent(self.looks, leaves)
    }
}

/// `k looks, n leaves`.
pub fn extent(looks: u32, leaves: usize) -> String {
    let many = |one: &'static str, more: &'static str, is_one: bool| if is_one { one } else { more };
    format!(
        "{looks} {}, {leaves} {}",
        many("look", "looks", looks == 1),
        many("leaf", "leaves", leaves == 1)
    )
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(looks: &u32) -> bool {
    *looks == 1
}

/// A leaf beside the one that a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OtherLeaf {
    pub fingerprint: Fingerprint,
    /// Its subject or first name.
    pub called: String,
    pub not_after: Timestamp,
}

/// A certificate of a CA in a served chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainMember {
    pub called: String,
    pub not_after: Timestamp,
}

impl ChainMember {
    /// Of the certificates behind the leaf the one that ends first, when it ends before the leaf does. A root says
    /// nothing by its end: clients take it from their own store. Where one cannot be read, the others count.
    pub fn ending_first<D: AsRef<[u8]>>(chain: &[D]) -> Option<Self> {
        let (leaf, others) = chain.split_first()?;
        let end = CertificateEnd::read(leaf.as_ref())?.not_after;
        let members = others.iter().filter_map(|der| CertificateEnd::read(der.as_ref()));
        let first = members.filter(|one| !one.is_root).min_by_key(|one| one.not_after)?;
        (first.not_after < end).then_some(Self {
            called: first.called,
            not_after: first.not_after,
        })
    }
}

struct CertificateEnd {
    called: String,
    not_after: Timestamp,
    is_root: bool,
}

impl CertificateEnd {
    fn read(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            called: parsed.subject().to_string(),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp())?,
            is_root: parsed.subject() == parsed.issuer(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum LookResult {
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
    /// The certificate behind the leaf that ends before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_end: Option<ChainMember>,
    /// Why the handshake did not end, although the chain was on the wire: clients of today may get no further either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
}

//! The name of a certificate authority: what lanes, limits, accounts, renewal information and choices are keyed by.
//!
//! In: text, as it is stored and sent. Out: [`CaRef`], and the same text again. Never: how a CA is asked (a Vault role or an
//! ACME profile is a setting, no part of its name).

mod part;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::directory;
use crate::invalid::Invalid;

pub use part::{Mount, Part};

/// One certificate authority.
///
/// The text form has no white space and is stable. Of an ACME CA it is the URL of its directory; every other form begins with a
/// word that no URL begins with, because a scheme has no underscore (RFC 3986 §3.1):
///
/// ```text
/// https://acme-v02.api.letsencrypt.org/directory
/// aws_acm:123456789012/eu-central-1
/// gcp_cm:my-project/global
/// vault_pki:team-a:pki/int@https://vault.example.org:8200/      (the namespace may be empty)
/// manual
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum CaRef {
    /// By the URL of its directory (RFC 8555 §7.1.1).
    Acme(Url),
    AwsAcm {
        account: Part,
        region: Part,
    },
    GcpCm {
        project: Part,
        location: Part,
    },
    VaultPki {
        address: Url,
        /// Absent: the root namespace.
        namespace: Option<Mount>,
        mount: Mount,
    },
    /// A person brings the certificate.
    Manual,
}

const AWS_ACM: &str = "aws_acm:";
const GCP_CM: &str = "gcp_cm:";
const VAULT_PKI: &str = "vault_pki:";
const MANUAL: &str = "manual";

impl CaRef {
    /// The directory of an ACME CA.
    pub fn as_acme(&self) -> Option<&Url> {
        match self {
            Self::Acme(directory) => Some(directory),
            Self::AwsAcm { .. } | Self::GcpCm { .. } | Self::VaultPki { .. } | Self::Manual => None,
        }
    }

    /// What the types alone cannot refuse.
    pub fn check(&self, field: &str) -> Result<(), Invalid> {
        match self {
            Self::Acme(directory) => directory::check(field, directory),
            Self::AwsAcm { .. } | Self::GcpCm { .. } | Self::VaultPki { .. } | Self::Manual => Ok(()),
        }
    }
}

impl fmt::Display for CaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acme(directory) => directory.fmt(f),
            Self::AwsAcm { account, region } => write!(f, "{AWS_ACM}{account}/{region}"),
            Self::GcpCm { project, location } => write!(f, "{GCP_CM}{project}/{location}"),
            Self::VaultPki {
                address,
                namespace,
                mount,
            } => {
                let namespace = namespace.as_ref().map_or("", Mount::as_str);
                write!(f, "{VAULT_PKI}{namespace}:{mount}@{address}")
            }
            Self::Manual => f.write_str(MANUAL),
        }
    }
}

impl FromStr for CaRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse(text).ok_or_else(|| {
            let remedy = "give the https URL of an ACME directory, or a name such as aws_acm:123456789012/eu-central-1";
            Invalid::new("ca", format!("{text:?} is no name of a CA"), remedy)
        })
    }
}

fn parse(text: &str) -> Option<CaRef> {
    if let Some(rest) = text.strip_prefix(AWS_ACM) {
        let (account, region) = pair(rest)?;
        return Some(CaRef::AwsAcm { account, region });
    }
    if let Some(rest) = text.strip_prefix(GCP_CM) {
        let (project, location) = pair(rest)?;
        return Some(CaRef::GcpCm { project, location });
    }
    if let Some(rest) = text.strip_prefix(VAULT_PKI) {
        return vault(rest);
    }
    if text == MANUAL {
        return Some(CaRef::Manual);
    }
    Url::parse(text).ok().map(CaRef::Acme)
}

fn pair(text: &str) -> Option<(Part, Part)> {
    let (first, second) = text.split_once('/')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

fn vault(text: &str) -> Option<CaRef> {
    let (place, address) = text.split_once('@')?;
    let (namespace, mount) = place.split_once(':')?;
    let namespace = (!namespace.is_empty()).then(|| namespace.parse()).transpose();
    Some(CaRef::VaultPki {
        address: Url::parse(address).ok()?,
        namespace: namespace.ok()?,
        mount: mount.parse().ok()?,
    })
}

impl TryFrom<String> for CaRef {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<CaRef> for String {
    fn from(ca: CaRef) -> Self {
        ca.to_string()
    }
}

impl From<Url> for CaRef {
    /// Every URL that was stored as a CA is the directory of an ACME CA.
    fn from(directory: Url) -> Self {
        Self::Acme(directory)
    }
}

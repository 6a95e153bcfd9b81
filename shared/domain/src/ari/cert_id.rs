//! The name of a certificate at its CA (RFC 9773 §4.1).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::invalid::Invalid;

/// base64url of the authority key identifier's `keyIdentifier`, a dot, base64url of the serial number as it stands in the
/// DER: with the zero in front that keeps it positive, without tag and length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertId(String);

/// Why a certificate has no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCertId {
    #[error("this is no X.509 certificate: {0}")]
    NoCertificate(String),
    #[error("the certificate does not say which key signed it (authority key identifier)")]
    NoKeyIdentifier,
}

impl CertId {
    pub fn of_der(der: &[u8]) -> Result<Self, NoCertId> {
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|_| NoCertId::NoCertificate(crate::certificate::BROKEN.to_owned()))?;
        let key = key_identifier(&parsed).ok_or(NoCertId::NoKeyIdentifier)?;
        let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        Ok(Self(format!("{}.{}", encoded(key), encoded(parsed.raw_serial()))))
    }

    /// Of the first certificate of the text.
    pub fn of_pem(pem: &str) -> Result<Self, NoCertId> {
        let (_, first) = parse_x509_pem(pem.as_bytes()).map_err(|e| NoCertId::NoCertificate(e.to_string()))?;
        Self::of_der(&first.contents)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that names the CA's key, and the part that is the serial number.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('.').unwrap_or((&self.0, ""))
    }
}

fn key_identifier<'a>(parsed: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    parsed.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(key) = extension.parsed_extension() else {
            return None;
        };
        key.key_identifier.as_ref().map(|id| id.0)
    })
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CertId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_part = |part: &str| !part.is_empty() && BASE64_URL_SAFE_NO_PAD.decode(part).is_ok();
        match text.split_once('.') {
            Some((key, serial)) if is_part(key) && is_part(serial) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(Invalid::new(
                "cert_id",
                format!("{text:?} is no ARI identifier"),
                "give two base64url parts with a dot between them (RFC 9773 §4.1)",
            )),
        }
    }
}

impl TryFrom<String> for CertId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<CertId> for String {
    fn from(id: CertId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, IsCa, Issuer, KeyIdMethod, KeyPair, SerialNumber};

    use super::*;

    /// A leaf with the key identifier and the serial number of the example in RFC 9773 §4.1.
    fn leaf_of_the_rfc(names_its_issuer: bool) -> String {
        let key_id = hex::decode("69885b6b87464041e1b37b847ba0ae2cde01c8d4").expect("hexadecimal");
        let key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::<String>::new()).expect("no names");
        ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.key_identifier_method = KeyIdMethod::PreSpecified(key_id);
        let issuer = Issuer::new(ca, key);
        let mut leaf = CertificateParams::new(vec!["example.com".to_owned()]).expect("a name");
        leaf.serial_number = Some(SerialNumber::from(vec![0x87, 0x65, 0x43, 0x21]));
        leaf.use_authority_key_identifier_extension = names_its_issuer;
        let own = KeyPair::generate().expect("a key");
        leaf.signed_by(&own, &issuer).expect("a leaf").pem()
    }

    #[test]
    fn the_example_of_the_rfc_is_met() {
        let id = CertId::of_pem(&leaf_of_the_rfc(true)).expect("it has both parts");
        assert_eq!(id.as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        assert_eq!(id.parts(), ("aYhba4dGQEHhs3uEe6CuLN4ByNQ", "AIdlQyE"));
    }

    #[test]
    fn a_certificate_that_does_not_name_its_issuers_key_has_none() {
        assert_eq!(CertId::of_pem(&leaf_of_the_rfc(false)), Err(NoCertId::NoKeyIdentifier));
        assert!(matches!(CertId::of_pem("nonsense"), Err(NoCertId::NoCertificate(_))));
    }

    #[test]
    fn what_is_no_identifier_is_not_read() {
        for text in [
            "",
            ".",
            "a",
            "AIdlQyE.",
            ".AIdlQyE",
            "AIdl QyE.AIdlQyE",
            "AIdlQyE.AIdlQyE=",
            "a/b.c",
        ] {
            assert!(text.parse::<CertId>().is_err(), "{text:?}");
        }
    }
}

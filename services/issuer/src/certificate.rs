//! The CSR of an order and the chain that the CA delivered for it (pure).
//!
//! In: PEM. Out: the CSR's DER; the leaf's facts once key and names are those that were asked for. Never: I/O.

use domain::DnsName;
use domain::certificate::CertificateFacts;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Why the order's own CSR cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCsr {
    #[error("the order carries no CSR")]
    Missing,
    #[error("the order's CSR cannot be read: {0}")]
    Unreadable(String),
}

/// Why what the CA delivered is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("the CA's answer is no certificate chain: {0}")]
    NoChain(String),
    #[error("the certificate is for another public key than the CSR's")]
    OtherKey,
    #[error("the certificate does not carry the name {0}")]
    NameMissing(String),
}

pub fn csr_der(pem: Option<&str>) -> Result<Vec<u8>, BadCsr> {
    let pem = pem.ok_or(BadCsr::Missing)?;
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes());
    let der = der.map_err(|error| BadCsr::Unreadable(error.to_string()))?;
    X509CertificationRequest::from_der(&der).map_err(|error| BadCsr::Unreadable(error.to_string()))?;
    Ok(der.to_vec())
}

/// The leaf of the chain, if it has the CSR's key and all the names.
pub fn check_chain(chain_pem: &str, csr_der: &[u8], names: &[DnsName]) -> Result<CertificateFacts, Foreign> {
    let no_chain = |error: &dyn std::fmt::Display| Foreign::NoChain(error.to_string());
    let leaf = CertificateDer::from_pem_slice(chain_pem.as_bytes()).map_err(|error| no_chain(&error))?;
    let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|error| no_chain(&error))?;
    let (_, csr) = X509CertificationRequest::from_der(csr_der).map_err(|error| no_chain(&error))?;
    if parsed.public_key().raw != csr.certification_request_info.subject_pki.raw {
        return Err(Foreign::OtherKey);
    }
    let facts = CertificateFacts::read(&leaf).map_err(|error| no_chain(&error))?;
    match names
        .iter()
        .find(|name| !facts.sans.iter().any(|san| san == name.as_str()))
    {
        Some(missing) => Err(Foreign::NameMissing(missing.to_string())),
        None => Ok(facts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn names(all: &[&str]) -> Vec<DnsName> {
        all.iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn params(all: &[&str]) -> CertificateParams {
        let all: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
        CertificateParams::new(all).expect("names")
    }

    fn csr(key: &KeyPair) -> Vec<u8> {
        let pem = params(&["a.example"])
            .serialize_request(key)
            .and_then(|csr| csr.pem())
            .expect("a CSR");
        csr_der(Some(&pem)).expect("its DER")
    }

    #[test]
    fn a_leaf_with_our_key_and_names_passes() {
        let key = KeyPair::generate().expect("a key");
        let leaf = params(&["a.example", "b.example"])
            .self_signed(&key)
            .expect("a leaf")
            .pem();
        let facts = check_chain(&leaf, &csr(&key), &names(&["b.example", "a.example"])).expect("ours");
        assert_eq!(facts.sans, ["a.example", "b.example"]);
    }

    #[test]
    fn another_key_or_a_missing_name_is_foreign() {
        let (key, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let leaf = params(&["a.example"]).self_signed(&key).expect("a leaf").pem();
        assert_eq!(
            check_chain(&leaf, &csr(&other), &names(&["a.example"])),
            Err(Foreign::OtherKey)
        );
        let missing = check_chain(&leaf, &csr(&key), &names(&["b.example"]));
        assert_eq!(missing, Err(Foreign::NameMissing("b.example".to_owned())));
        assert!(matches!(
            check_chain("<html>", &csr(&key), &[]),
            Err(Foreign::NoChain(_))
        ));
    }

    #[test]
    fn an_unusable_csr_is_told_apart_from_none() {
        assert_eq!(csr_der(None), Err(BadCsr::Missing));
        assert!(matches!(csr_der(Some("nonsense")), Err(BadCsr::Unreadable(_))));
    }
}

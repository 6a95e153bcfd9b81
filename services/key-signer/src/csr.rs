//! Certificate signing requests (PKCS#10, RFC 2986): all names as SANs, the subject empty.
//!
//! In: names and whoever signs. Out: PEM. The subject stays empty because CAs that enforce names refuse an invented
//! one, and no client has looked at a common name for years (RFC 9525 §2).

use domain::DnsName;
use rcgen::{CertificateParams, DistinguishedName, SigningKey};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use crate::backends::BackendError;

/// A CSR for the names, each once, in the order of the policy.
pub fn sign(key: &impl SigningKey, names: &[DnsName]) -> Result<String, BackendError> {
    let mut once: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !once.iter().any(|known| known == name.as_str()) {
            once.push(name.as_str().to_owned());
        }
    }
    if once.is_empty() {
        return Err(BackendError::Names {
            reason: "the order carries no name".to_owned(),
        });
    }
    let wrong_names = |e: rcgen::Error| BackendError::Names { reason: e.to_string() };
    let mut wanted = CertificateParams::new(once).map_err(wrong_names)?;
    wanted.distinguished_name = DistinguishedName::new();
    let not_signed = |e: rcgen::Error| BackendError::NotSigned { reason: e.to_string() };
    wanted
        .serialize_request(key)
        .and_then(|csr| csr.pem())
        .map_err(not_signed)
}

/// Whether the CSR is signed by the key it carries: a CA refuses it otherwise, after the order was begun.
pub fn check_signature(csr_pem: &str) -> Result<(), BackendError> {
    let wrong = |reason: String| BackendError::NotSigned { reason };
    let (_, pem) = parse_x509_pem(csr_pem.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    let (_, csr) =
        X509CertificationRequest::from_der(&pem.contents).map_err(|_| wrong(domain::certificate::BROKEN.to_owned()))?;
    csr.verify_signature().map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<DnsName> {
        names.iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn key() -> rcgen::KeyPair {
        rcgen::KeyPair::generate().expect("a key")
    }

    #[test]
    fn a_good_signature_passes_and_a_changed_request_does_not() {
        let csr = sign(&key(), &names(&["www.example.org"])).expect("a CSR");
        check_signature(&csr).expect("signed by its own key");
        let (_, pem) = parse_x509_pem(csr.as_bytes()).expect("PEM");
        let mut der = pem.contents;
        let at = der.windows(3).position(|bytes| bytes == b"www").expect("the name");
        der[at] = b'x';
        let changed = rcgen_pem(&der);
        assert!(matches!(check_signature(&changed), Err(BackendError::NotSigned { .. })));
    }

    fn rcgen_pem(der: &[u8]) -> String {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
    }

    #[test]
    fn no_name_is_refused() {
        assert!(matches!(sign(&key(), &[]), Err(BackendError::Names { .. })));
    }
}

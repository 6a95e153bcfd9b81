//! The CSR of an order and the chain that the CA delivered for it (pure).
//!
//! In: PEM. Out: the CSR's DER; the leaf's facts once key, names and dates are good and the chain hangs together. Never: I/O.

use std::time::Duration;

use domain::certificate::{BROKEN, CertificateFacts, ChainMember};
use domain::chain::ends_early;
use domain::keys::KeyAlgorithm;
use domain::run::Check;
use domain::{DnsName, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::ca::acme::first_words;

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
    /// Nothing is wrong with the certificate: it did not come. The same order has it still.
    #[error("the CA's answer to the download is no certificate chain: {0}")]
    NoChain(String),
    #[error("the certificate is for another public key than the CSR's")]
    OtherKey,
    #[error("the certificate does not carry the name {0}")]
    NameMissing(String),
    #[error("the certificate is good from {0} only")]
    NotYetGood(Timestamp),
    #[error("the certificate was good until {0} only")]
    Expired(Timestamp),
    #[error("certificate {0} of the chain is not by the one after it")]
    Broken(usize),
}

impl Foreign {
    /// Whether the certificate itself is not what was asked for: only another order can bring another one.
    pub fn is_wrong_certificate(&self) -> bool {
        match self {
            Self::OtherKey | Self::NameMissing(_) | Self::NotYetGood(_) | Self::Expired(_) => true,
            Self::NoChain(_) | Self::Broken(_) => false,
        }
    }
}

/// So much a CA's clock may be before ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);

pub fn csr_der(pem: Option<&str>) -> Result<Vec<u8>, BadCsr> {
    let pem = pem.ok_or(BadCsr::Missing)?;
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes());
    let der = der.map_err(|error| BadCsr::Unreadable(error.to_string()))?;
    X509CertificationRequest::from_der(&der).map_err(|_| BadCsr::Unreadable(BROKEN.to_owned()))?;
    Ok(der.to_vec())
}

/// The algorithm of the CSR's key, if it is one that a policy can name.
pub fn key_of(csr_pem: Option<&str>) -> Option<KeyAlgorithm> {
    let der = csr_der(csr_pem).ok()?;
    let (_, csr) = X509CertificationRequest::from_der(&der).ok()?;
    match csr.certification_request_info.subject_pki.parsed().ok()? {
        PublicKey::EC(point) if point.key_size() == 256 => Some(KeyAlgorithm::EcP256),
        PublicKey::EC(point) if point.key_size() == 384 => Some(KeyAlgorithm::EcP384),
        PublicKey::RSA(key) => match key.key_size() {
            2048 => Some(KeyAlgorithm::Rsa2048),
            3072 => Some(KeyAlgorithm::Rsa3072),
            4096 => Some(KeyAlgorithm::Rsa4096),
            _ => None,
        },
        _ => None,
    }
}

/// The leaf of the chain, if it has the CSR's key and all the names, is good now, and each certificate is by the next.
pub fn check_chain(
    chain_pem: &str,
    csr_der: &[u8],
    names: &[DnsName],
    now: Timestamp,
) -> Result<CertificateFacts, Foreign> {
    let no_chain = |error: &dyn std::fmt::Display| Foreign::NoChain(error.to_string());
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| no_chain(&error))?;
    let none = || {
        format!(
            "there is no certificate in it; it begins with {:?}",
            first_words(chain_pem.as_bytes())
        )
    };
    let leaf = chain.first().ok_or_else(|| Foreign::NoChain(none()))?;
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| no_chain(&BROKEN))?;
    let (_, csr) = X509CertificationRequest::from_der(csr_der).map_err(|_| no_chain(&BROKEN))?;
    if parsed.public_key().raw != csr.certification_request_info.subject_pki.raw {
        return Err(Foreign::OtherKey);
    }
    let facts = CertificateFacts::read(leaf).map_err(|error| no_chain(&error))?;
    check_names(&facts, names)?;
    check_dates(&facts, now)?;
    check_links(&chain)?;
    Ok(facts)
}

/// What the CA's own chain has that ends before the leaf: told, and no reason to refuse what was issued.
pub fn early_end(chain_pem: &str, now: Timestamp) -> Option<Check> {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .ok()?;
    let member = ChainMember::ending_first(&chain)?;
    Some(ends_early(
        "the CA's chain lasts as long as its certificate",
        &member,
        now,
    ))
}

fn check_names(leaf: &CertificateFacts, names: &[DnsName]) -> Result<(), Foreign> {
    let missing = names
        .iter()
        .find(|name| !leaf.sans.iter().any(|san| san == name.as_str()));
    missing.map_or(Ok(()), |name| Err(Foreign::NameMissing(name.to_string())))
}

fn check_dates(leaf: &CertificateFacts, now: Timestamp) -> Result<(), Foreign> {
    if leaf.not_before > now.plus(CLOCKS_DIFFER) {
        return Err(Foreign::NotYetGood(leaf.not_before));
    }
    if leaf.not_after <= now {
        return Err(Foreign::Expired(leaf.not_after));
    }
    Ok(())
}

/// By name: whether the signatures hold is the verifier's to say, against its trust anchors.
fn check_links(chain: &[CertificateDer<'_>]) -> Result<(), Foreign> {
    for (index, pair) in chain.windows(2).enumerate() {
        let read = |der| X509Certificate::from_der(der).map_err(|_| Foreign::NoChain(BROKEN.to_owned()));
        let ((_, child), (_, parent)) = (read(&pair[0])?, read(&pair[1])?);
        if child.issuer().as_raw() != parent.subject().as_raw() {
            return Err(Foreign::Broken(index + 1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod fuzz {
    use super::*;

    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/domain/seeds");

    #[test]
    fn chains_of_cas() {
        let seeds = |kind: &str| ::fuzz::read(&std::path::Path::new(SEEDS).join(kind));
        let csr = seeds("csrs").remove(0);
        let names: Vec<DnsName> = vec!["www.example.org".parse().expect("a name")];
        let mut all = seeds("chains");
        all.push(b"<html>busy</html>".to_vec());
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "chains", &all, |input| {
            let text = String::from_utf8_lossy(input);
            for now in [Timestamp::FIRST, Timestamp::EPOCH, Timestamp::LAST] {
                let _ = check_chain(&text, &csr, &names, now).map_err(|foreign| foreign.to_string());
            }
            let _ = csr_der(Some(&text));
        });
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

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000).expect("an instant")
    }

    #[test]
    fn a_chain_that_ends_before_its_leaf_is_told() {
        use rcgen::{BasicConstraints, DnType, IsCa, Issuer};
        let end = |year| {
            let (mut root, key) = (params(&[]), KeyPair::generate().expect("a key"));
            root.distinguished_name.push(DnType::CommonName, "root");
            let root = Issuer::new(root, key);
            let (mut between, key) = (params(&[]), KeyPair::generate().expect("a key"));
            between.distinguished_name.push(DnType::CommonName, "between");
            between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            between.not_after = rcgen::date_time_ymd(year, 6, 1);
            let pem = between.signed_by(&key, &root).expect("an intermediate").pem();
            let (mut leaf, own) = (params(&["a.example"]), KeyPair::generate().expect("a key"));
            leaf.not_after = rcgen::date_time_ymd(2028, 1, 1);
            let leaf = leaf.signed_by(&own, &Issuer::new(between, key)).expect("a leaf").pem();
            early_end(&(leaf + &pem), now())
        };
        let evidence = |year| end(year).map(|check| (check.passed, check.advisory, check.evidence));
        assert_eq!(evidence(2030), None);
        let (passed, advisory, said) = evidence(2027).expect("it ends early");
        assert!(
            !passed && advisory && said.contains("CN=between ends at 2027-06-01"),
            "{said}"
        );
        let (_, _, said) = evidence(2020).expect("it has ended");
        assert!(said.contains("CN=between expired at 2020-06-01"), "{said}");
    }

    #[test]
    fn the_key_of_a_csr_is_named_as_the_policy_names_it() {
        for (kind, named) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, KeyAlgorithm::EcP256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, KeyAlgorithm::EcP384),
        ] {
            let key = KeyPair::generate_for(kind).expect("a key");
            let pem = params(&["a.example"]).serialize_request(&key).and_then(|csr| csr.pem());
            assert_eq!(key_of(Some(&pem.expect("a CSR"))), Some(named));
        }
        assert_eq!(key_of(Some("nonsense")), None);
    }

    #[test]
    fn a_leaf_with_our_key_and_names_passes() {
        let key = KeyPair::generate().expect("a key");
        let leaf = params(&["a.example", "b.example"])
            .self_signed(&key)
            .expect("a leaf")
            .pem();
        let facts = check_chain(&leaf, &csr(&key), &names(&["b.example", "a.example"]), now()).expect("ours");
        assert_eq!(facts.sans, ["a.example", "b.example"]);
    }

    #[test]
    fn another_key_or_a_missing_name_is_foreign() {
        let (key, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let leaf = params(&["a.example"]).self_signed(&key).expect("a leaf").pem();
        assert_eq!(
            check_chain(&leaf, &csr(&other), &names(&["a.example"]), now()),
            Err(Foreign::OtherKey)
        );
        let missing = check_chain(&leaf, &csr(&key), &names(&["b.example"]), now());
        assert_eq!(missing, Err(Foreign::NameMissing("b.example".to_owned())));
        for nothing in ["<html>", ""] {
            let refused = check_chain(nothing, &csr(&key), &[], now());
            assert!(matches!(refused, Err(Foreign::NoChain(_))), "{refused:?}");
        }
    }

    #[test]
    fn a_leaf_that_is_not_good_now_is_foreign_but_a_clock_may_differ_a_little() {
        let key = KeyPair::generate().expect("a key");
        let good = |from: i64, until: i64| {
            let mut leaf = params(&["a.example"]);
            leaf.not_before = now().get() + time::Duration::seconds(from);
            leaf.not_after = now().get() + time::Duration::seconds(until);
            let leaf = leaf.self_signed(&key).expect("a leaf").pem();
            check_chain(&leaf, &csr(&key), &names(&["a.example"]), now())
        };
        assert!(good(240, 3600).is_ok());
        assert!(matches!(good(3600, 7200), Err(Foreign::NotYetGood(_))));
        assert!(matches!(good(-7200, -1), Err(Foreign::Expired(_))));
    }

    #[test]
    fn a_chain_of_strangers_is_foreign() {
        let key = KeyPair::generate().expect("a key");
        let mut stranger = params(&["b.example"]);
        stranger
            .distinguished_name
            .push(rcgen::DnType::CommonName, "a stranger");
        let leaf = params(&["a.example"]).self_signed(&key).expect("a leaf").pem();
        let stranger = stranger.self_signed(&key).expect("another leaf").pem();
        let refused = check_chain(&format!("{leaf}{stranger}"), &csr(&key), &names(&["a.example"]), now());
        assert_eq!(refused, Err(Foreign::Broken(1)));
    }

    #[test]
    fn an_unusable_csr_is_told_apart_from_none() {
        assert_eq!(csr_der(None), Err(BadCsr::Missing));
        assert!(matches!(csr_der(Some("nonsense")), Err(BadCsr::Unreadable(_))));
    }
}

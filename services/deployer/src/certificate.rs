//! What an order wants installed: a chain, and the private key that belongs to its leaf.
//!
//! In: PEM from the order and from custody. Out: a pair that is known to fit. Never: a file, a log
//! line about a key.

use custody::LeafKey;
use custody::pem::certificate_pem;
use domain::Timestamp;
use domain::certificate::{CertificateFacts, Fingerprint};
use protocol::order::DeployedCertificate;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroize;

/// Leaf first, as the CA delivered it.
#[derive(Debug, Clone)]
pub struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    leaf: Fingerprint,
}

/// A chain and its key. It has no `Debug`: the key must not be printed.
pub struct Bundle {
    chain: Chain,
    key: LeafKey,
}

/// Why an order cannot be installed anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInstallable {
    #[error("{0}")]
    Malformed(String),
    #[error("the certificate {leaf} of this run expired at {at}")]
    Expired { leaf: Fingerprint, at: Timestamp },
    #[error("the private key does not belong to the certificate {leaf}: {why}")]
    Mismatched { leaf: Fingerprint, why: String },
}

impl Chain {
    /// The chain of an order, whose first certificate must be the one that the order names.
    pub fn of(order: &DeployedCertificate) -> Result<Self, NotInstallable> {
        let malformed = |what: String| NotInstallable::Malformed(format!("the chain in the order is unusable: {what}"));
        let chain = Self::read(order.chain_pem.as_bytes()).map_err(malformed)?;
        if chain.leaf != order.leaf {
            return Err(malformed(format!(
                "it begins with {}, not with {}",
                chain.leaf, order.leaf
            )));
        }
        Ok(chain)
    }

    /// The chain in a file, or why there is none.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let certificates = certificates(file)?;
        let leaf = certificates.first().map(|first| Fingerprint::of(first));
        Ok(Self {
            leaf: leaf.ok_or("it holds no certificate")?,
            certificates,
        })
    }

    /// What the leaf says.
    pub fn facts(&self) -> Result<CertificateFacts, String> {
        let leaf = self.certificates.first().ok_or("it holds no certificate")?;
        CertificateFacts::read(leaf).map_err(|e| e.to_string())
    }

    /// No client is served what has ended while the run waited for a person or a target.
    pub fn still_good(&self, now: Timestamp) -> Result<(), NotInstallable> {
        let facts = self.facts().map_err(NotInstallable::Malformed)?;
        if now < facts.not_after {
            return Ok(());
        }
        let (leaf, at) = (self.leaf.clone(), facts.not_after);
        Err(NotInstallable::Expired { leaf, at })
    }

    /// Certificates and nothing else, lines of 64 columns that end with LF, whatever the CA sent.
    pub fn pem(&self) -> String {
        self.certificates.iter().map(|der| certificate_pem(der)).collect()
    }

    pub fn leaf(&self) -> &Fingerprint {
        &self.leaf
    }

    /// Whether a file holds exactly these certificates, in this order.
    pub fn is_in(&self, file: &[u8]) -> bool {
        certificates(file).is_ok_and(|found| found == self.certificates)
    }

    /// Whether a private key (PEM) is the one of the leaf; if not, why.
    pub fn fits(&self, key_pem: &[u8]) -> Result<(), String> {
        let mut key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| "it is no private key in PEM".to_owned())?;
        let signer = any_supported_type(&key);
        key.zeroize();
        let signer = signer.map_err(|_| "it is a key of a kind that no server uses".to_owned())?;
        match CertifiedKey::new(self.certificates.clone(), signer).keys_match() {
            Ok(()) => Ok(()),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err("the public keys differ".to_owned()),
            Err(other) => Err(format!("the two could not be compared ({other})")),
        }
    }
}

impl Bundle {
    /// Refuses a key that is not the leaf's: a server with such a pair would not start again.
    pub fn pair(chain: Chain, key_pem: &[u8]) -> Result<Self, NotInstallable> {
        let mismatched = |why: String| NotInstallable::Mismatched {
            leaf: chain.leaf.clone(),
            why,
        };
        let key = LeafKey::read(key_pem).map_err(|why| mismatched(why.to_string()))?;
        let leaf = chain
            .certificates
            .first()
            .and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        let public = leaf.map(|leaf| leaf.subject_public_key_info());
        match public {
            Some(public) if public.as_ref() == key.public() => Ok(Self { chain, key }),
            Some(_) => Err(mismatched("the public keys differ".to_owned())),
            None => Err(mismatched("the certificate cannot be read".to_owned())),
        }
    }

    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// In the form that every server loads.
    pub fn key_pem(&self) -> &[u8] {
        self.key.pem()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())
}

#[cfg(test)]
mod fuzz {
    use super::*;

    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/domain/seeds/chains");

    /// Files of others lie where ours are put.
    #[test]
    fn files_that_are_there() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let seeds = ::fuzz::read(std::path::Path::new(SEEDS));
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "files", &seeds, |input| {
            let Ok(chain) = Chain::read(input) else { return };
            let _ = (
                chain.facts(),
                chain.still_good(Timestamp::LAST),
                chain.is_in(input),
                chain.fits(input),
            );
        });
    }
}

//! Whether a chain leads to a trust anchor: asked apart from the handshake, which accepts any
//! chain.
//!
//! In: anchors from files and from the machine. Out: a problem in plain words, or none. Never:
//! revocation: CRLs are not fetched here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chassis::config::ConfigError;
use chassis::tls;
use domain::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tracing::warn;

#[derive(Debug, Clone)]
pub struct Trust {
    /// Absent when there is no anchor at all.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Trust {
    pub fn read(files: &[PathBuf], native: bool) -> Result<Self, ConfigError> {
        let mut roots = RootCertStore::empty();
        for (index, file) in files.iter().enumerate() {
            let faulty = |why: String| {
                let file = file.display();
                ConfigError(format!(
                    "trust_files[{index}]: {file}: {why}; give a PEM file of CA certificates"
                ))
            };
            add(&mut roots, file).map_err(faulty)?;
        }
        if native {
            let found = rustls_native_certs::load_native_certs();
            for error in found.errors {
                warn!(%error, "some of the machine's trust anchors could not be read");
            }
            // Machines carry anchors with encodings that cannot be parsed; the others count.
            roots.add_parsable_certificates(found.certs);
        }
        Self::in_roots(roots).map_err(|e| ConfigError(format!("trust_files: {e}")))
    }

    /// Trusts these anchors only.
    pub fn in_roots(roots: RootCertStore) -> Result<Self, String> {
        if roots.is_empty() {
            return Ok(Self { verifier: None });
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            verifier: Some(verifier.map_err(|e| e.to_string())?),
        })
    }

    /// Why a client with these anchors would refuse the chain at `now`, or nothing.
    pub fn problem(&self, chain: &[CertificateDer<'static>], name: &ServerName<'_>, now: Timestamp) -> Option<String> {
        let Some((leaf, others)) = chain.split_first() else {
            return Some("the server sent no certificate".to_owned());
        };
        let Some(verifier) = &self.verifier else {
            return Some("the verifier has no trust anchors (trust_files, use_native_roots)".to_owned());
        };
        let seconds = u64::try_from(now.get().unix_timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        verifier
            .verify_server_cert(leaf, others, name, &[], now)
            .err()
            .map(|e| tls::of_the_certificate(&e))
    }
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let pem = std::fs::read(file).map_err(|e| e.to_string())?;
    if let Some(label) = other_block(&pem) {
        let remedy = "write each as a plain one: openssl x509 -in FILE -out NEW";
        return Err(format!("it holds a {label} block, which would be left out; {remedy}"));
    }
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots
            .add(certificate.map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string())?;
    }
    if roots.len() == before {
        Err("it holds no certificate".to_owned())
    } else {
        Ok(())
    }
}

/// The first block that looks like a certificate and is none for this reader: it would be passed
/// over without a word.
fn other_block(pem: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(pem);
    let labels = ["TRUSTED CERTIFICATE", "X509 CERTIFICATE", "PKCS7"];
    labels
        .into_iter()
        .find(|label| text.contains(&format!("-----BEGIN {label}-----")))
}

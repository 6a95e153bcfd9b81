//! The `local` backend: keys made here and sealed under the workspace's key.
//!
//! In: a request. Out: a CSR and the sealed PKCS#8 PEM. Never: a plaintext key past the end of a call.

use std::sync::Arc;

use ::custody::envelope::{self, Binding, EnvelopeError, Kek, KekError};
use async_trait::async_trait;
use custody::pem;
use domain::keys::KeyAlgorithm;
use domain::run::{Check, PreparedKey};
use domain::secret::{Envelope, Purpose};
use domain::{DnsName, RunId};
use rcgen::{KeyPair, PublicKeyData, RsaKeySize, SignatureAlgorithm};
use tracing::info;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

use super::{BackendError, KeyBackend, KeyRequest};
use crate::csr;

pub struct Local<K> {
    kek: Arc<K>,
}

/// A private key as PKCS#8 DER. Has no `Debug`.
type Pkcs8 = Zeroizing<Vec<u8>>;

impl<K: Kek> Local<K> {
    pub fn new(kek: Arc<K>) -> Self {
        Self { kek }
    }

    async fn open(&self, request: KeyRequest<'_>, envelope: &Envelope) -> Result<Pkcs8, BackendError> {
        // The planner's order says that this run may use it, whichever it was made for.
        let made_for = envelope::run_of(envelope).map_err(translated)?;
        let opened = envelope::open(&*self.kek, binding(request).of_run(made_for), envelope)
            .await
            .map_err(translated)?;
        info!(
            who = "key-signer", purpose = Purpose::LeafKey.as_str(), workspace = %request.workspace, run = %request.run,
            "secret opened"
        );
        pem::private_key_der(&opened).ok_or_else(|| no_key("it is no PKCS#8 private key in PEM"))
    }

    async fn seal(&self, request: KeyRequest<'_>, key: &Pkcs8) -> Result<Envelope, BackendError> {
        let (secret, binding) = (pem::private_key_pem(key), binding(request).of_run(run(request)));
        let sealed = envelope::seal(&*self.kek, binding, secret.as_bytes()).await;
        sealed.map_err(translated)
    }
}

#[async_trait]
impl<K: Kek> KeyBackend for Local<K> {
    async fn prepare(&self, request: KeyRequest<'_>) -> Result<PreparedKey, BackendError> {
        if let Some(kept) = request.keep {
            let key = self.open(request, kept).await?;
            let sealed_key = match envelope::run_of(kept).map_err(translated)? {
                made_for if made_for == run(request) => kept.clone(),
                Some(_) | None => self.seal(request, &key).await?,
            };
            let csr_pem = signed_by(key, request).await?;
            return Ok(PreparedKey {
                csr_pem,
                sealed_key: Some(sealed_key),
            });
        }
        let (csr_pem, key) = made(request).await?;
        Ok(PreparedKey {
            csr_pem,
            sealed_key: Some(self.seal(request, &key).await?),
        })
    }

    async fn rehearse(&self, request: KeyRequest<'_>) -> Result<Vec<Check>, BackendError> {
        let mut checks = Vec::new();
        let csr_pem = if let Some(kept) = request.keep {
            let key = self.open(request, kept).await?;
            checks.push(Check::tick("kept key opens", "sealed under the workspace's key"));
            signed_by(key, request).await?
        } else {
            let (csr_pem, key) = made(request).await?;
            self.seal(request, &key).await?;
            checks.push(Check::tick("key can be made and sealed", request.algorithm.as_str()));
            csr_pem
        };
        csr::check_signature(&csr_pem)?;
        checks.push(Check::tick(
            "certificate request is signed by its key",
            names(request.names),
        ));
        Ok(checks)
    }
}

fn binding<'a>(request: KeyRequest<'a>) -> Binding<'a> {
    Binding::new(request.workspace, Purpose::LeafKey)
}

/// The only run that the key opens for, when it is one.
fn run(request: KeyRequest<'_>) -> Option<RunId> {
    request.bind_to_run.then_some(request.run)
}

fn names(names: &[DnsName]) -> String {
    names.iter().map(DnsName::as_str).collect::<Vec<_>>().join(", ")
}

async fn made(request: KeyRequest<'_>) -> Result<(String, Pkcs8), BackendError> {
    let (algorithm, names) = (request.algorithm, request.names.to_vec());
    off_the_async_threads(algorithm, move || {
        let pair = Zeroizing::new(generate(algorithm)?);
        let csr_pem = csr::sign(&*pair, &names)?;
        Ok((csr_pem, Zeroizing::new(pair.serialized_der().to_vec())))
    })
    .await
}

async fn signed_by(key: Pkcs8, request: KeyRequest<'_>) -> Result<String, BackendError> {
    let (wanted, names) = (request.algorithm, request.names.to_vec());
    off_the_async_threads(wanted, move || {
        let pair = KeyPair::try_from(key.as_slice()).map_err(|_| no_key("it is no private key of a known kind"))?;
        let pair = Zeroizing::new(pair);
        let kept = algorithm_of(&pair);
        if kept != wanted.as_str() {
            let wanted = wanted.as_str();
            return Err(BackendError::OtherAlgorithm { kept, wanted });
        }
        csr::sign(&*pair, &names)
    })
    .await
}

/// An RSA key takes from 50 ms to seconds of CPU, and would hold up every custody question on its thread; an elliptic
/// curve key takes less than the change of threads.
async fn off_the_async_threads<T: Send + 'static>(
    algorithm: KeyAlgorithm,
    work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
) -> Result<T, BackendError> {
    match algorithm {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => work(),
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            let ended = tokio::task::spawn_blocking(work).await;
            ended.unwrap_or_else(|e| Err(BackendError::Unavailable { reason: e.to_string() }))
        }
    }
}

fn generate(algorithm: KeyAlgorithm) -> Result<KeyPair, BackendError> {
    let elliptic = |kind: &'static SignatureAlgorithm| KeyPair::generate_for(kind);
    let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
    let made = match algorithm {
        KeyAlgorithm::EcP256 => elliptic(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::EcP384 => elliptic(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyAlgorithm::Rsa2048 => rsa(RsaKeySize::_2048),
        KeyAlgorithm::Rsa3072 => rsa(RsaKeySize::_3072),
        KeyAlgorithm::Rsa4096 => rsa(RsaKeySize::_4096),
    };
    // Only the machine's random source can fail here.
    made.map_err(|e| BackendError::Unavailable { reason: e.to_string() })
}

/// Spelt as a [`KeyAlgorithm`] where it is one.
fn algorithm_of(pair: &KeyPair) -> String {
    let der = pair.subject_public_key_info();
    let parsed = SubjectPublicKeyInfo::from_der(&der).ok();
    match parsed.as_ref().and_then(|(_, info)| info.parsed().ok()) {
        Some(PublicKey::RSA(key)) => format!("rsa{}", key.key_size()),
        Some(PublicKey::EC(point)) => format!("p{}", point.key_size()),
        _ => "of another kind".to_owned(),
    }
}

fn no_key(reason: &str) -> BackendError {
    BackendError::KeptKey {
        reason: reason.to_owned(),
    }
}

fn translated(error: EnvelopeError) -> BackendError {
    match error {
        EnvelopeError::Kek(KekError::Unavailable { reason }) => BackendError::Unavailable { reason },
        EnvelopeError::Malformed | EnvelopeError::Kek(KekError::Foreign { .. } | KekError::Refused) => {
            BackendError::KeptKey {
                reason: error.to_string(),
            }
        }
    }
}

//! What every key backend promises, wherever its keys are; each body runs all of it against its
//! real counterpart.

use anyhow::{Result, ensure};
use domain::keys::KeyAlgorithm;
use domain::run::PreparedKey;
use domain::{DnsName, RunId, WorkspaceId};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509CertificationRequest};

use super::{BackendError, KeyBackend, KeyRequest};

/// A request as the planner orders it.
struct Asked {
    workspace: WorkspaceId,
    run: RunId,
    names: Vec<DnsName>,
}

impl Asked {
    fn new() -> Result<Self> {
        let names = ["www.example.org", "example.org", "www.example.org"];
        let names = names.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self {
            workspace: WorkspaceId::default_workspace(),
            run: RunId::new(),
            names,
        })
    }

    fn of(&self, algorithm: KeyAlgorithm) -> KeyRequest<'_> {
        KeyRequest {
            workspace: &self.workspace,
            run: self.run,
            names: &self.names,
            algorithm,
            keep: None,
            bind_to_run: true,
        }
    }
}

/// Its public key and names, of a CSR whose signature verifies.
fn read(csr_pem: &str) -> Result<(Vec<u8>, Vec<String>)> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(csr_pem.as_bytes())?;
    let (_, csr) = X509CertificationRequest::from_der(&pem.contents)?;
    csr.verify_signature()?;
    let mut names = Vec::new();
    for extension in csr.requested_extensions().into_iter().flatten() {
        if let ParsedExtension::SubjectAlternativeName(of_csr) = extension {
            names.extend(of_csr.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            }));
        }
    }
    Ok((csr.certification_request_info.subject_pki.raw.to_vec(), names))
}

/// The CSR is of the key that was prepared, and names each name once.
pub async fn the_csr_is_signed_by_its_key(backend: &dyn KeyBackend) -> Result<()> {
    let asked = Asked::new()?;
    for algorithm in [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Rsa2048] {
        let prepared = backend.prepare(asked.of(algorithm)).await?;
        let (_, names) = read(&prepared.csr_pem)?;
        ensure!(names == ["www.example.org", "example.org"], "{names:?}");
    }
    Ok(())
}

/// A key that is kept is one key, however often and for whichever run it is prepared.
pub async fn a_kept_key_is_prepared_twice_as_one_key(backend: &dyn KeyBackend) -> Result<()> {
    let (first, second) = (Asked::new()?, Asked::new()?);
    let made = backend.prepare(first.of(KeyAlgorithm::EcP256)).await?;
    let mut seen = vec![read(&made.csr_pem)?.0];
    for asked in [&first, &first, &second] {
        let kept = KeyRequest {
            keep: made.sealed_key.as_ref(),
            ..asked.of(KeyAlgorithm::EcP256)
        };
        seen.push(read(&backend.prepare(kept).await?.csr_pem)?.0);
    }
    seen.dedup();
    ensure!(seen.len() == 1, "{} keys", seen.len());
    Ok(())
}

/// A rehearsal shows what would be done, and the next preparation is as if there had been none.
pub async fn a_rehearsal_passes_and_leaves_nothing(backend: &dyn KeyBackend) -> Result<()> {
    let asked = Asked::new()?;
    let checks = backend.rehearse(asked.of(KeyAlgorithm::EcP256)).await?;
    ensure!(
        !checks.is_empty() && checks.iter().all(|check| check.passed),
        "{checks:?}"
    );
    let PreparedKey { csr_pem, .. } = backend.prepare(asked.of(KeyAlgorithm::EcP256)).await?;
    read(&csr_pem)?;
    Ok(())
}

/// Nothing is signed for a request without names, nor in a rehearsal.
pub async fn no_names_are_refused(backend: &dyn KeyBackend) -> Result<()> {
    let mut asked = Asked::new()?;
    asked.names.clear();
    let prepared = backend.prepare(asked.of(KeyAlgorithm::EcP256)).await;
    ensure!(matches!(prepared, Err(BackendError::Names { .. })), "{prepared:?}");
    let rehearsed = backend.rehearse(asked.of(KeyAlgorithm::EcP256)).await;
    ensure!(matches!(rehearsed, Err(BackendError::Names { .. })), "{rehearsed:?}");
    Ok(())
}

mod local {
    use std::sync::Arc;

    use ::custody::RootKey;
    use anyhow::Result;
    use zeroize::Zeroizing;

    use crate::backends::local::Local;

    /// The key-signer itself is the counterpart.
    fn backend() -> Local<RootKey> {
        Local::new(Arc::new(RootKey::new(&Zeroizing::new([7; RootKey::LEN]))))
    }

    #[tokio::test]
    async fn keeps_the_contract() -> Result<()> {
        super::the_csr_is_signed_by_its_key(&backend()).await?;
        super::a_kept_key_is_prepared_twice_as_one_key(&backend()).await?;
        super::a_rehearsal_passes_and_leaves_nothing(&backend()).await?;
        super::no_names_are_refused(&backend()).await
    }
}

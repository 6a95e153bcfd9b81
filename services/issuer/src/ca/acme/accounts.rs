//! The ACME accounts: one per workspace and CA, restored from its key once per process.
//!
//! In: a sealed account key. Out: the library's account. Registering the same key again gives the same account, so
//! nothing about it needs saving but the key. Never: a key in a log, a key kept outside the library.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use custody::{Custody, CustodyError, OnBehalf};
use domain::WorkspaceId;
use domain::secret::{Envelope, Purpose};
use instant_acme::{Account, AccountBuilder, Key};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::OnceCell;
use url::Url;
use zeroize::Zeroizing;

use super::directories::Directory;
use super::nonce_proof;
use super::translate::{is_bad_nonce, translate};
use crate::ca::{Application, CaError, ProblemKind};

/// The library reads a CA's directory once per account; it may change.
const OLDEST: Duration = Duration::from_secs(24 * 3600);

/// Seals and opens account keys; the key-signer in production.
#[async_trait]
pub trait AccountKeys: Send + Sync {
    async fn seal(&self, workspace: &WorkspaceId, pkcs8: &[u8]) -> Result<Envelope, CustodyError>;

    async fn open(
        &self,
        workspace: &WorkspaceId,
        envelope: &Envelope,
        on_behalf: OnBehalf<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError>;
}

#[async_trait]
impl AccountKeys for Custody {
    async fn seal(&self, workspace: &WorkspaceId, pkcs8: &[u8]) -> Result<Envelope, CustodyError> {
        Self::seal(self, workspace, Purpose::AcmeAccount, pkcs8).await
    }

    async fn open(
        &self,
        workspace: &WorkspaceId,
        envelope: &Envelope,
        on_behalf: OnBehalf<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        Self::open(self, workspace, Purpose::AcmeAccount, envelope, on_behalf).await
    }
}

type Id = (WorkspaceId, Url, String);
/// Many orders of a new account come at once: one registers, the others wait for it.
type Slot = Arc<OnceCell<Account>>;

pub struct Accounts {
    keys: Box<dyn AccountKeys>,
    known: Mutex<HashMap<Id, (Instant, Slot)>>,
}

impl Accounts {
    pub fn new(keys: impl AccountKeys + 'static) -> Self {
        Self {
            keys: Box::new(keys),
            known: Mutex::default(),
        }
    }

    /// A new ES256 key, sealed. Nothing is registered.
    pub async fn make_key(&self, workspace: &WorkspaceId) -> Result<Envelope, CaError> {
        let (_, pkcs8) = Key::generate_pkcs8().map_err(translate)?;
        let pkcs8 = Zeroizing::new(pkcs8.secret_pkcs8_der().to_vec());
        Ok(self.keys.seal(workspace, &pkcs8).await?)
    }

    /// The account of this key, registered if the CA does not know it.
    pub async fn ensure(
        &self,
        for_: &Application<'_>,
        directory: &Directory,
        sealed: &Envelope,
    ) -> Result<Account, CaError> {
        let slot = self.slot(id(for_, directory, sealed));
        let account = slot.get_or_try_init(|| self.register(for_, directory, sealed)).await?;
        Ok(account.clone())
    }

    /// The account of this key if the CA knows it already; nothing is registered.
    pub async fn load(
        &self,
        for_: &Application<'_>,
        directory: &Directory,
        sealed: &Envelope,
    ) -> Result<Option<Account>, CaError> {
        let pkcs8 = self.keys.open(for_.workspace, sealed, on_behalf(for_)).await?;
        let loaded = nonce_proof!(async {
            let builder = builder(directory);
            builder.from_key(key(&pkcs8)?, directory.url.to_string()).await
        });
        match loaded {
            Ok((account, _)) => Ok(Some(account)),
            Err(error) if super::translate::is(&error, &ProblemKind::AccountDoesNotExist) => Ok(None),
            Err(error) => Err(translate(error)),
        }
    }

    /// The CA does not know it any more: the next order registers the same key again.
    pub fn forget(&self, for_: &Application<'_>, directory: &Directory, sealed: &Envelope) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id(for_, directory, sealed));
    }

    fn slot(&self, id: Id) -> Slot {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (made_at, _)| made_at.elapsed() < OLDEST);
        let (_, slot) = known.entry(id).or_insert_with(|| (Instant::now(), Slot::default()));
        Arc::clone(slot)
    }

    async fn register(
        &self,
        for_: &Application<'_>,
        directory: &Directory,
        sealed: &Envelope,
    ) -> Result<Account, CaError> {
        let pkcs8 = self.keys.open(for_.workspace, sealed, on_behalf(for_)).await?;
        let registered = nonce_proof!(async {
            let builder = builder(directory);
            builder.create_from_key(key(&pkcs8)?, directory.url.to_string()).await
        });
        let (account, _) = registered.map_err(translate)?;
        if !directory.contact.is_empty() {
            let contact: Vec<&str> = directory.contact.iter().map(String::as_str).collect();
            nonce_proof!(account.update_contacts(&contact)).map_err(translate)?;
        }
        for_.ctx.info("the ACME account is ready", &[("account", account.id())]);
        Ok(account)
    }
}

fn on_behalf<'a>(for_: &Application<'a>) -> OnBehalf<'a> {
    OnBehalf {
        run: Some(for_.run),
        order: for_.ctx.order(),
    }
}

fn id(for_: &Application<'_>, directory: &Directory, sealed: &Envelope) -> Id {
    (
        for_.workspace.clone(),
        directory.url.clone(),
        sealed.as_str().to_owned(),
    )
}

fn builder(directory: &Directory) -> AccountBuilder {
    Account::builder_with_http(Box::new(directory.transport.clone()))
}

/// The library wants the key twice: to sign with it, and to hand it back in its credentials.
fn key(pkcs8: &[u8]) -> Result<(Key, PrivateKeyDer<'static>), instant_acme::Error> {
    let key = Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(pkcs8))?;
    Ok((key, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()))))
}

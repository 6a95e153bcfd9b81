//! ACME (RFC 8555) with http-01: Let's Encrypt, and every CA that speaks the same.
//!
//! In: an application with a sealed account key. Out: orders and chains. Touches: the CAs that the configuration
//! allows, and the http-01 tokens. Never: a CA that is not listed, a second order for a step that has one.

mod accounts;
mod answers;
mod client;
mod directories;
mod journey;
mod nonces;
mod ordering;
mod pace;
mod paused;
mod recorder;
mod redact;
mod rehearsal;
mod renewal_info;
mod retry_after;
mod translate;
mod warm;

use std::sync::Arc;

use bus::claims::Claims;
use chassis::config::ConfigError;
use domain::secret::Envelope;
use instant_acme::{Account, Order};
use url::Url;

pub use accounts::AccountKeys;
pub use renewal_info::RenewalInfo;

use self::accounts::Accounts;
pub(crate) use self::answers::first_words;
use self::directories::{Directories, Directory};
use self::journey::Journey;
pub(crate) use self::translate::translate;
use self::warm::WarmOrders;
use super::{Application, CaError, CertificateAuthority, Claim, Meta, Obtained, OpenedOrder, Rehearsed};
use crate::challenge::Http01;
use crate::config::Config;

/// The library gives up after three refused nonces in a row; with many at once, or a CA that refuses on purpose, that
/// is not enough. Evaluates the call again until it is through or hopeless.
macro_rules! nonce_proof {
    ($call:expr) => {{
        let mut left = 6_u8;
        loop {
            match $call.await {
                Err(error) if left > 0 && is_bad_nonce(&error) => left -= 1,
                ended => break ended,
            }
        }
    }};
}
use nonce_proof;

pub struct Acme<K> {
    directories: Arc<Directories>,
    accounts: Accounts<K>,
    http01: Http01,
    claims: Claims,
    warm: WarmOrders,
}

impl<K: AccountKeys> Acme<K> {
    /// Fails for a configuration that cannot be used, with the key.
    pub fn new(config: Config, keys: K, http01: Http01, claims: Claims) -> Result<Self, ConfigError> {
        Ok(Self {
            directories: Arc::new(Directories::new(config)?),
            accounts: Accounts::new(keys),
            http01,
            claims,
            warm: WarmOrders::default(),
        })
    }

    /// Asks the same CAs when they want certificates renewed.
    pub fn renewal_info(&self) -> RenewalInfo {
        RenewalInfo::new(Arc::clone(&self.directories))
    }

    async fn open_once(&self, for_: &Application<'_>, key: &Envelope) -> Result<OpenedOrder, CaError> {
        let directory = self.directories.of(for_.directory)?;
        let account = self.accounts.ensure(for_, &directory, key).await?;
        let mut order = ordering::place(&account, for_).await?;
        let expires = recorder::expires();
        let journey = self.journey(&account, &directory, for_);
        let tokens = match journey.proofs(&mut order).await {
            Ok(proofs) => proofs.into_iter().map(|proof| proof.token).collect(),
            Err(error) if is_of_no_use(&error) => return Err(error),
            // The order is there and has been counted: it is the one to go on with, and to be read later.
            Err(error) => {
                for_.ctx
                    .warn(format!("what the order asks for could not be read yet: {error}"), &[]);
                Vec::new()
            }
        };
        let url = order_url(&order)?;
        self.warm.keep(url.clone(), order);
        Ok(OpenedOrder { url, expires, tokens })
    }

    async fn issue_once(&self, for_: &Application<'_>, key: &Envelope, claim: &Claim<'_>) -> Result<Obtained, CaError> {
        let directory = self.directories.of(for_.directory)?;
        let account = self.accounts.ensure(for_, &directory, key).await?;
        let journey = self.journey(&account, &directory, for_);
        let mut order = match self.warm.take(claim.order_url) {
            Some(order) => order,
            None => journey.load(claim.order_url.as_str()).await?,
        };
        let obtained = journey.complete(&mut order, claim).await?;
        if matches!(obtained, Obtained::Ready | Obtained::Tokens(_)) {
            self.warm.keep(claim.order_url.clone(), order);
        }
        Ok(obtained)
    }

    fn journey<'a>(&'a self, account: &'a Account, directory: &Directory, for_: &Application<'a>) -> Journey<'a> {
        Journey {
            account,
            http01: &self.http01,
            claims: &self.claims,
            pace: directory.pace,
            ctx: for_.ctx,
        }
    }
}

impl<K: AccountKeys> CertificateAuthority for Acme<K> {
    async fn make_account_key(&self, for_: &Application<'_>) -> Result<Envelope, CaError> {
        self.directories.of(for_.directory)?;
        self.accounts.make_key(for_.workspace).await
    }

    async fn open_order(&self, for_: &Application<'_>, key: &Envelope) -> Result<OpenedOrder, CaError> {
        let opened = recorder::around(for_.ctx, async {
            match self.open_once(for_, key).await {
                Err(CaError::AccountGone) => {
                    self.accounts.forget(for_, key);
                    self.open_once(for_, key).await
                }
                ended => ended,
            }
        });
        opened.await.map_err(|error| error.of(for_.directory))
    }

    async fn ensure_issued(
        &self,
        for_: &Application<'_>,
        key: &Envelope,
        claim: &Claim<'_>,
    ) -> Result<Obtained, CaError> {
        let issued = recorder::around(for_.ctx, async {
            match self.issue_once(for_, key, claim).await {
                Err(CaError::AccountGone) => {
                    self.accounts.forget(for_, key);
                    self.issue_once(for_, key, claim).await
                }
                ended => ended,
            }
        });
        issued.await.map_err(|error| error.of(for_.directory))
    }

    async fn withdraw(&self, for_: &Application<'_>, tokens: &[String]) -> Vec<String> {
        self.http01.withdraw_all(tokens, for_.ctx).await
    }

    async fn look(&self, for_: &Application<'_>) -> Result<Meta, CaError> {
        let directory = self.directories.of(for_.directory)?;
        let looking = directory.transport.look(&directory.url);
        let listing = recorder::around(for_.ctx, looking).await.map_err(translate)?;
        Ok(Meta {
            caa_identities: listing.meta.caa_identities,
            profiles: listing.meta.profiles.into_keys().collect(),
            http01_port: directory.http01_port,
        })
    }

    async fn rehearse(&self, for_: &Application<'_>, key: &Envelope) -> Rehearsed {
        recorder::around(for_.ctx, rehearsal::rehearse(self, for_, key)).await
    }
}

impl<K: AccountKeys> Acme<K> {
    fn directory(&self, url: &Url) -> Result<Arc<Directory>, CaError> {
        self.directories.of(url)
    }
}

/// Whether an order can never become a certificate for this account and these names.
fn is_of_no_use(error: &CaError) -> bool {
    matches!(
        error,
        CaError::OrderInvalid { .. } | CaError::NoSuchChallenge { .. } | CaError::AccountGone
    )
}

fn order_url(order: &Order) -> Result<Url, CaError> {
    order.url().parse().map_err(|error| CaError::Unavailable {
        until: None,
        what: format!("the CA gave {:?} as the order's URL: {error}", order.url()),
    })
}

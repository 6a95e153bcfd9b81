//! ACME (RFC 8555): Let's Encrypt, and every CA that speaks the same.
//!
//! In: an application with a sealed account key. Out: orders and chains. Touches: the CAs that the configuration
//! allows, and what the solvers touch. Never: a CA that is not listed, a second order for a step that has one.

mod accounts;
mod advance;
mod answers;
mod authorizations;
mod client;
mod directories;
mod journey;
mod nonces;
mod ordering;
mod pace;
mod paused;
mod proving;
mod recorder;
mod redact;
mod rehearsal;
mod renewal_info;
mod retry_after;
mod translate;
mod warm;

use std::sync::Arc;

use async_trait::async_trait;
use bus::claims::Claims;
use chassis::config::ConfigError;
use domain::ari::{CertId, RenewalInfoAnswer};
use domain::ca::CaRef;
use domain::run::Checkpoint;
use instant_acme::Account;

pub use accounts::AccountKeys;

use self::accounts::Accounts;
pub(crate) use self::answers::first_words;
use self::directories::{Directories, Directory};
use self::journey::Journey;
use self::renewal_info::RenewalInfo;
pub(crate) use self::translate::translate;
use self::warm::WarmOrders;
use super::{Advanced, Application, Authority, CaError, Meta, Rehearsed, Remaining, Withdrawal};
use crate::challenge::solvers::Solvers;
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

pub struct Acme {
    directories: Arc<Directories>,
    accounts: Accounts,
    solvers: Arc<Solvers>,
    claims: Claims,
    warm: WarmOrders,
    renewal_info: RenewalInfo,
}

impl Acme {
    /// Fails for a configuration that cannot be used, with the key.
    pub fn new(
        config: Config,
        keys: impl AccountKeys + 'static,
        solvers: Arc<Solvers>,
        claims: Claims,
    ) -> Result<Self, ConfigError> {
        let directories = Arc::new(Directories::new(config)?);
        Ok(Self {
            renewal_info: RenewalInfo::new(Arc::clone(&directories)),
            directories,
            accounts: Accounts::new(keys),
            solvers,
            claims,
            warm: WarmOrders::default(),
        })
    }

    /// The client of a CA that may be used.
    fn directory(&self, ca: &CaRef) -> Result<Arc<Directory>, CaError> {
        match ca.as_acme() {
            Some(url) => self.directories.of(url),
            None => Err(CaError::NotServed { ca: ca.clone() }),
        }
    }

    fn journey<'a>(&'a self, account: &'a Account, directory: &Directory, for_: &Application<'a>) -> Journey<'a> {
        Journey {
            account,
            solver: self.solvers.of(for_.solver),
            answers: for_.solver,
            claims: &self.claims,
            pace: directory.pace,
            ctx: for_.ctx,
        }
    }
}

#[async_trait]
impl Authority for Acme {
    async fn advance(&self, for_: &Application<'_>, from: Option<&Checkpoint>) -> Result<Advanced, CaError> {
        self.advance_from(for_, from).await.map_err(|error| error.of(for_.ca))
    }

    /// The CA forgets an order that is never finalized: there is nothing to do there.
    async fn withdraw(&self, what: &Withdrawal<'_>) -> Result<(), Remaining> {
        self.solvers.of(what.solver).remove(what.left).await
    }

    async fn look(&self, for_: &Application<'_>) -> Result<Meta, CaError> {
        let directory = self.directory(for_.ca)?;
        let looking = directory.transport.look(&directory.url);
        let listing = recorder::around(for_.ctx, looking).await.map_err(translate)?;
        Ok(Meta {
            caa_identities: listing.meta.caa_identities,
            profiles: listing.meta.profiles.into_keys().collect(),
            http01_port: directory.http01_port,
        })
    }

    async fn rehearse(&self, for_: &Application<'_>) -> Rehearsed {
        recorder::around(for_.ctx, rehearsal::rehearse(self, for_)).await
    }

    async fn renewal_info(&self, ca: &CaRef, certificate: &CertId) -> RenewalInfoAnswer {
        match ca.as_acme() {
            Some(directory) => self.renewal_info.ask(directory, certificate).await,
            None => RenewalInfoAnswer::NotOffered,
        }
    }
}

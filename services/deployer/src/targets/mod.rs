//! The seam to the places where certificates go: one file per kind of target.
//!
//! In: a target of a policy. Out: the certificate installed and active there, or a remedy. Never: a decision about the
//! run (see `verdict`).

pub mod file;
pub mod reload;

use std::future::Future;
use std::sync::Arc;

use domain::certificate::Fingerprint;
use domain::run::{Check, Former};
use domain::{RunId, Timestamp};

use crate::certificate::{Bundle, Chain};

/// A kind of target. Every method may be called again for the same order.
pub trait Installer: Send + Sync + 'static {
    type Target: Send + Sync;

    /// What is installed now. Changes nothing.
    fn look(
        &self,
        job: &Job<'_, Self::Target>,
        wanted: &Chain,
    ) -> impl Future<Output = Result<Found, TargetError>> + Send;

    /// Keeps what was there and puts the new pair in its place, both or neither; returns what was kept.
    fn ensure_installed(
        &self,
        job: &Job<'_, Self::Target>,
        wanted: Arc<Bundle>,
    ) -> impl Future<Output = Result<Kept, TargetError>> + Send;

    /// Makes the server use what is installed, whether or not an earlier attempt did; returns what it said.
    fn ensure_active(
        &self,
        job: &Job<'_, Self::Target>,
    ) -> impl Future<Output = Result<Option<String>, TargetError>> + Send;

    /// What an installation would need, one check each. Leaves nothing behind.
    fn rehearse(&self, job: &Job<'_, Self::Target>) -> impl Future<Output = Vec<Check>> + Send;
}

/// A kind of target from which an installation can be taken back.
pub trait WayBack: Installer {
    /// Puts back what this run's installation replaced. May be called again for the same order.
    fn ensure_put_back(
        &self,
        job: &Job<'_, Self::Target>,
        replaced: &Replaced,
    ) -> impl Future<Output = Result<(), TargetError>> + Send;
}

/// One target of one run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a, T> {
    pub run: RunId,
    pub target: &'a T,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Chain and key are the wanted ones; with what this run kept when it put them there.
    Wanted { kept: Kept },
    /// Something else, in words, or nothing.
    Other { what: String },
}

/// What this run's first installation found and kept: the same answer however often it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub backups: Vec<String>,
    /// When it was a certificate with its key.
    pub former: Option<Former>,
}

/// An installation that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub former: Fingerprint,
    pub installed: Fingerprint,
}

/// Named by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The policy or the machine is not set up for it.
    #[error("{what}")]
    Misconfigured { what: String, remedy: String },
    /// A permission is missing.
    #[error("{what}")]
    Denied { what: String, remedy: String },
    /// What was kept for the way back is gone or damaged.
    #[error("{what}")]
    Lost { what: String },
    /// Somebody else put another certificate there since.
    #[error("{what}")]
    Changed { what: String },
    /// Nothing that a person can mend at once; it may pass.
    #[error("{what}")]
    Unavailable { what: String },
    #[error("the reload command `{command}` ended with {status}")]
    HookFailed {
        command: String,
        status: String,
        output: String,
    },
    #[error("the reload command `{command}` did not end within {seconds} s")]
    HookHung {
        command: String,
        seconds: u32,
        output: String,
    },
}

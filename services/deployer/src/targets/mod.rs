//! The seam to the places where certificates go: one file per kind of target.
//!
//! In: a target of a policy. Out: the certificate installed and active there, or a remedy. Never: a decision about the
//! run (see `verdict`).

pub mod activation;
pub mod error;
pub mod file;

use std::future::Future;
use std::sync::Arc;

use domain::certificate::Fingerprint;
use domain::run::{Check, Former};
use domain::{DnsName, Hostname, RunId, Timestamp, WorkspaceId};

use self::activation::Activation;
pub use self::error::{TargetError, check};
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

    /// Whether an installation could begin: what is cheap to know, before a certificate is asked for. Changes nothing.
    fn ready(&self, job: &Job<'_, Self::Target>) -> impl Future<Output = Result<(), TargetError>> + Send;

    /// Keeps what was there and puts the new pair in its place, both or neither; returns what was kept.
    fn ensure_installed(
        &self,
        job: &Job<'_, Self::Target>,
        wanted: Arc<Bundle>,
    ) -> impl Future<Output = Result<Kept, TargetError>> + Send;

    /// Puts back what this run found, files that were not there included, when the server has refused what was installed.
    fn ensure_taken_back(
        &self,
        job: &Job<'_, Self::Target>,
        refused: &Refused,
    ) -> impl Future<Output = Result<TakenBack, TargetError>> + Send;

    /// What makes the server use what is installed; nothing for one that looks by itself.
    fn activation(&self, job: &Job<'_, Self::Target>) -> Result<Option<Activation>, TargetError>;

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
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub hostname: &'a Hostname,
    /// Further names of the certificate, where there is none yet.
    pub sans: &'a [DnsName],
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
    /// When it was a certificate that can be put back.
    pub former: Option<Former>,
    /// What the policy has made different about the files, each in words.
    pub changes: Vec<String>,
}

/// An installation that its server has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub installed: Fingerprint,
    /// It was written in this very attempt: what has no backup was not there before.
    pub just_written: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    Done,
    /// It was there before this run, which has kept nothing.
    WasThereBefore,
}

/// An installation that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub former: Fingerprint,
    pub installed: Fingerprint,
}

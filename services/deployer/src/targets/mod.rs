//! The seam to the places where certificates go: one file per kind of target.
//!
//! In: a target of a policy. Out: the certificate installed and active there, or a remedy. Never: a
//! decision about the run (see `verdict`).

pub mod activation;
pub mod error;
pub mod file;

use std::sync::Arc;

use async_trait::async_trait;
use domain::certificate::Fingerprint;
use domain::run::{Check, Former};
use domain::target::Target;
use domain::{DnsName, Hostname, RunId, Timestamp, WorkspaceId};

use self::activation::{Activation, Activations};
pub use self::error::{TargetError, check};
use self::file::{Backups, FileInstaller};
use crate::allowed::Allowed;
use crate::certificate::{Bundle, Chain};

/// Every kind of target that this deployer serves.
pub struct Targets {
    file: FileInstaller,
}

impl Targets {
    pub fn new(allowed: Allowed, backups: Backups) -> Self {
        let activations = Arc::new(Activations::default());
        Self {
            file: FileInstaller::new(allowed, activations, backups),
        }
    }

    /// What works at this target. The only match on its kind in the deployer.
    pub fn at<'a>(&'a self, target: &'a Target) -> Box<dyn Installation + 'a> {
        match target {
            Target::File(target) => Box::new(self.file.at(target)),
        }
    }

    /// Removes what was kept for a way back that is not needed any more.
    pub async fn sweep(&self, now: Timestamp) {
        self.file.sweep(now).await;
    }
}

/// One target, whatever its kind. Every method may be called again for the same order.
#[async_trait]
pub trait Installation: Send + Sync {
    /// What is installed now; without a wanted chain, whether an installation could begin. Changes
    /// nothing.
    async fn look(&self, job: &Job<'_>, wanted: Option<&Chain>) -> Result<Found, TargetError>;

    /// Keeps what was there and puts the new pair in its place, both or neither; returns what was
    /// kept.
    async fn install(&self, job: &Job<'_>, wanted: Arc<Bundle>) -> Result<Backup, TargetError>;

    /// What makes the server use what is installed; nothing for one that looks by itself.
    fn activation(&self, job: &Job<'_>) -> Result<Option<Activation>, TargetError>;

    /// Puts back what this run's installation replaced.
    async fn put_back(&self, job: &Job<'_>, undone: &Undone) -> Result<PutBack, TargetError>;

    /// What an installation would need, one check each. Leaves nothing behind.
    async fn rehearse(&self, job: &Job<'_>) -> Vec<Check>;
}

/// Whose certificate is installed, and when.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub hostname: &'a Hostname,
    /// Further names of the certificate, where there is none yet.
    pub sans: &'a [DnsName],
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Chain and key are the wanted ones; with what this run kept when it put them there.
    Wanted { backup: Backup },
    /// Something else, in words, or nothing.
    Other { what: String },
}

/// What this run's first installation found and kept: the same answer however often it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backup {
    pub backups: Vec<String>,
    /// When it was a certificate that can be put back.
    pub former: Option<Former>,
    /// What the policy has made different about the files, each in words.
    pub changes: Vec<String>,
}

/// Why an installation is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// Its server has refused it: what was not there before the run goes too.
    Refused(Refused),
    /// Its run is rolled back.
    Replaced(Replaced),
}

/// An installation that its server has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub installed: Fingerprint,
    /// It was written in this very attempt: what has no backup was not there before.
    pub just_written: bool,
}

/// An installation that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub former: Fingerprint,
    pub installed: Fingerprint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBack {
    Done,
    /// What is installed was there before this run, which has kept nothing.
    WasThereBefore,
}

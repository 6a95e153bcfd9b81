//! The methods of the seam, with the work on the disk kept off the threads that answer.
//!
//! In: a job at one `file` target. Out: what the seam promises. Never: work on the disk of its own.

use std::sync::Arc;

use async_trait::async_trait;
use domain::run::Check;
use domain::target::FileTarget;

use super::backup::Keeping;
use super::claim::Claimant;
use super::{Asked, FileInstaller, former, install, look, on_disk, ready, rehearsal, undo};
use crate::certificate::{Bundle, Chain};
use crate::targets::activation::Activation;
use crate::targets::{Backup, Found, Installation, Job, PutBack, TargetError, Undone};

/// One `file` target.
pub struct FileInstallation<'a> {
    pub(super) installer: &'a FileInstaller,
    pub(super) target: &'a FileTarget,
}

#[async_trait]
impl Installation for FileInstallation<'_> {
    async fn look(&self, job: &Job<'_>, wanted: Option<&Chain>) -> Result<Found, TargetError> {
        let (asked, keeping) = (self.asked(job), self.keeping(job));
        match wanted.cloned() {
            None => on_disk(move || ready(&asked)).await,
            Some(wanted) => on_disk(move || look(&asked.files()?, &wanted, &keeping)).await,
        }
    }

    async fn install(&self, job: &Job<'_>, wanted: Arc<Bundle>) -> Result<Backup, TargetError> {
        let (mut asked, keeping) = (self.asked(job), self.keeping(job));
        asked.claimant.names = wanted.chain().facts().map(|leaf| leaf.sans).unwrap_or_default();
        let sweeper = Arc::clone(&self.installer.sweeper);
        on_disk(move || {
            let files = asked.files()?;
            let backup = install(&files, &wanted, &asked.claimant, &keeping)?;
            sweeper.installed(files.both(), &keeping);
            Ok(backup)
        })
        .await
    }

    fn activation(&self, job: &Job<'_>) -> Result<Option<Activation>, TargetError> {
        let commands = self.installer.allowed.commands(job.workspace, self.target)?;
        let timeout = self.target.activation_timeout();
        Ok(commands
            .zip(timeout)
            .map(|(commands, seconds)| self.installer.activations.of(commands, seconds)))
    }

    async fn put_back(&self, job: &Job<'_>, undone: &Undone) -> Result<PutBack, TargetError> {
        let (asked, keeping, undone) = (self.asked(job), self.keeping(job), undone.clone());
        on_disk(move || match undone {
            Undone::Refused(refused) => undo::take_back(&asked.files()?, &refused, &keeping),
            Undone::Replaced(replaced) => {
                former::put_back(&asked.files()?, &replaced, &keeping).map(|()| PutBack::Done)
            }
        })
        .await
    }

    async fn rehearse(&self, job: &Job<'_>) -> Vec<Check> {
        let asked = self.asked(job);
        let checks = on_disk(move || Ok(rehearsal::rehearse(&asked))).await;
        checks.unwrap_or_else(|e| vec![Check::cross("the disk can be used", e.to_string())])
    }
}

impl FileInstallation<'_> {
    fn asked(&self, job: &Job<'_>) -> Asked {
        let own = std::iter::once(job.hostname.to_string());
        Asked {
            target: self.target.clone(),
            roots: self.installer.allowed.roots(job.workspace),
            claimant: Claimant {
                workspace: job.workspace.clone(),
                hostname: job.hostname.clone(),
                names: own.chain(job.sans.iter().map(ToString::to_string)).collect(),
                now: job.now,
            },
        }
    }

    fn keeping(&self, job: &Job<'_>) -> Keeping {
        Keeping {
            run: job.run,
            kept: self.installer.backups.kept,
            age: self.installer.backups.age,
            now: job.now,
        }
    }
}

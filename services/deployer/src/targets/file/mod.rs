//! The `file` target: chain and key as two files on this machine, and a command that makes the
//! server read them.
//!
//! In: paths, mode, owner, reload command. Out: both files replaced, the old ones kept in a closed
//! directory beside them. Never: creates a directory for a server, follows a path out of the
//! allowed roots, writes into a file that a server reads, puts a chain where a private key is.
//!
//! # Order, and what a crash leaves
//! 1. What is there is read: it must be a pair that may be replaced, and no other policy's; 2. both new files are written
//!    beside the old ones, with owner, group, mode and access list of the old ones, and synced; 3. both old files are kept as
//!    `.vigilo-backups/<file>.vigilo-<run>.bak`; 4. the key is renamed into place, then the chain; 5. the directory is synced;
//!    6. the server reloads.
//!
//! A crash before 4 leaves the old pair. A crash between the two renames leaves the new key beside
//! the old chain: a running server does not notice, and the order, which is delivered again, finds
//! that the pair is not the wanted one and writes it again; the backups of the first try are never
//! overwritten, so they still hold what was there before. A crash before 6 leaves the wanted pair
//! and a server that has not read it: therefore the reload is run **also when the files were there
//! already**. A reload is harmless when repeated, and no mark on the disk could prove that the
//! server did read the files; only Verify can. Such a repetition is known by `already_there` in the
//! receipt and by files whose inode and time have not changed.
//!
//! A server that refuses the pair gets back what was there (`undo`): the backups of the run are
//! renamed into their places as below, and a file that was not there before is removed.
//!
//! # The way back
//! The backups of the run get a second name beside the files and are renamed into their places, the key first; where no key was
//! before, the new one is removed. Then the server reloads. They stay backups: a crash anywhere is healed by doing all of it again.
//!
//! # Links
//! A path is resolved once. From there on everything is done relative to the handle of the directory that was found, which no
//! link on the way can change any more.

mod atomic;
mod backup;
mod claim;
mod directory;
mod former;
mod guard;
mod installation;
mod location;
mod looks;
mod present;
mod rehearsal;
mod sweep;
mod trouble;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::certificate::CertificateFacts;
use domain::target::FileTarget;

use self::atomic::Staged;
use self::backup::Keeping;
use self::claim::Claimant;
use self::installation::FileInstallation;
use self::location::FileLocation;
use self::looks::{Manner, Said};
use self::present::{Present, content};
use self::sweep::Sweeper;
use super::activation::Activations;
use super::{Backup, Found, TargetError};
use crate::allowed::Allowed;
use crate::certificate::{Bundle, Chain};

pub struct FileInstaller {
    allowed: Allowed,
    backups: Backups,
    activations: Arc<Activations>,
    sweeper: Arc<Sweeper>,
}

/// How many earlier versions of a file are kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Backups {
    pub kept: usize,
    pub age: Duration,
}

impl FileInstaller {
    /// The activations are those of all kinds: a server is told once, whoever has written its
    /// files.
    pub fn new(allowed: Allowed, activations: Arc<Activations>, backups: Backups) -> Self {
        Self {
            allowed,
            backups,
            activations,
            sweeper: Arc::default(),
        }
    }

    /// What works at the files of this target.
    pub fn at<'a>(&'a self, target: &'a FileTarget) -> FileInstallation<'a> {
        FileInstallation {
            installer: self,
            target,
        }
    }

    /// Removes backups that are past their age, also where nothing is installed any more.
    pub async fn sweep(&self, now: Timestamp) {
        let (roots, age) = (self.allowed.all_roots(), self.backups.age);
        let swept = on_disk(move || Ok(sweep::sweep_roots(&roots, age, now))).await;
        if let Ok(removed @ 1..) = swept {
            tracing::info!(removed, "backups past their age are gone");
        }
    }
}

/// One target of one policy, for the threads that may block.
struct Asked {
    target: FileTarget,
    roots: Arc<[PathBuf]>,
    claimant: Claimant,
}

impl Asked {
    fn files(&self) -> Result<Files, TargetError> {
        Files::find(&self.target, &self.roots)
    }
}

/// Both places, and what the policy says of how the files shall look.
struct Files {
    chain: FileLocation,
    key: FileLocation,
    said: Said,
}

/// What both places hold.
struct There {
    key: Option<Present>,
    chain: Option<Present>,
}

impl Files {
    fn find(target: &FileTarget, roots: &[PathBuf]) -> Result<Self, TargetError> {
        Ok(Self {
            said: Said::by(target)?,
            chain: FileLocation::find(&target.chain_path, roots)?,
            key: FileLocation::find(&target.key_path, roots)?,
        })
    }

    /// What is there, when it may be replaced.
    fn replaceable(&self) -> Result<There, TargetError> {
        let there = There {
            key: Present::read(&self.key)?,
            chain: Present::read(&self.chain)?,
        };
        guard::check(&self.key, there.key.as_ref(), &self.chain, there.chain.as_ref())?;
        Ok(there)
    }

    /// How a copy shall look that cannot look as its original.
    fn otherwise(&self, place: &FileLocation) -> Manner {
        if place.file() == self.key.file() {
            self.said.key(None)
        } else {
            self.said.chain(None)
        }
    }

    /// Mostly both are in one directory, and a sync costs milliseconds.
    fn sync(&self) -> Result<(), TargetError> {
        self.key.sync_directory()?;
        if self.chain.directory().path() != self.key.directory().path() {
            self.chain.sync_directory()?;
        }
        Ok(())
    }

    /// The key first: whoever reads between the two renames keeps the chain that fits what it has.
    fn both(&self) -> [&FileLocation; 2] {
        [&self.key, &self.chain]
    }
}

impl There {
    /// What the certificate in place says, when there is one.
    fn leaf(&self) -> Option<CertificateFacts> {
        Chain::read(&self.chain.as_ref()?.content).ok()?.facts().ok()
    }

    fn key_manner(&self, said: &Said) -> Manner {
        said.key(self.key.as_ref().map(|there| &there.looks))
    }

    fn chain_manner(&self, said: &Said) -> Manner {
        said.chain(self.chain.as_ref().map(|there| &there.looks))
    }
}

/// Files are synced: that blocks for milliseconds, and must not hold up the other orders.
async fn on_disk<T, F>(work: F) -> Result<T, TargetError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, TargetError> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| {
        Err(TargetError::Unavailable {
            what: format!("the work on the files broke off: {e}"),
        })
    })
}

/// What can be known without a write; asked before a certificate is.
fn ready(asked: &Asked) -> Result<Found, TargetError> {
    let files = asked.files()?;
    let there = files.replaceable()?;
    let leaf = there.leaf();
    for place in files.both() {
        place.check_replaceable()?;
        asked.claimant.check(place, leaf.as_ref())?;
    }
    let what = there
        .chain
        .map_or_else(|| NOTHING.to_owned(), |chain| in_words(&chain.content));
    Ok(Found::Other { what })
}

const NOTHING: &str = "nothing";

fn look(files: &Files, wanted: &Chain, keeping: &Keeping) -> Result<Found, TargetError> {
    let Some(chain) = content(&files.chain)? else {
        return Ok(Found::Other {
            what: NOTHING.to_owned(),
        });
    };
    if !wanted.is_in(&chain) {
        return Ok(Found::Other { what: in_words(&chain) });
    }
    let key = content(&files.key)?;
    if key.is_none_or(|key| wanted.fits(&key).is_err()) {
        return Ok(Found::Other {
            what: "this chain without its key".to_owned(),
        });
    }
    Ok(Found::Wanted {
        backup: former::read_backup(files, keeping)?,
    })
}

fn in_words(chain: &[u8]) -> String {
    let facts = Chain::read(chain).and_then(|chain| chain.facts());
    facts.map_or_else(
        |_| "a file that holds no certificate".to_owned(),
        |leaf| format!("{} ({}), good until {}", leaf.fingerprint, leaf.subject, leaf.not_after),
    )
}

fn install(files: &Files, wanted: &Bundle, claimant: &Claimant, keeping: &Keeping) -> Result<Backup, TargetError> {
    let there = files.replaceable()?;
    let leaf = there.leaf();
    for place in files.both() {
        claimant.claim(place, leaf.as_ref())?;
    }
    let (key_manner, chain_manner) = (there.key_manner(&files.said), there.chain_manner(&files.said));
    let key = Staged::write(&files.key, &key_manner, wanted.key_pem())?;
    let chain = Staged::write(&files.chain, &chain_manner, wanted.chain().pem().as_bytes())?;
    keeping.keep([
        (&files.key, &key_manner, there.key.is_some()),
        (&files.chain, &chain_manner, there.chain.is_some()),
    ])?;
    key.commit()?;
    chain.commit()?;
    files.sync()?;
    let changes = [(&files.key, &key_manner), (&files.chain, &chain_manner)];
    let changes = changes.into_iter().filter_map(|(place, manner)| {
        let difference = manner.difference()?;
        Some(format!("{}: {difference}", place.file().display()))
    });
    Ok(Backup {
        changes: changes.collect(),
        ..former::read_backup(files, keeping)?
    })
}

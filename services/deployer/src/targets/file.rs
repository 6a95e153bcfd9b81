//! The `file` target: chain and key as two files on this machine, and a command that makes the server read them.
//!
//! In: paths, mode, owner, reload command. Out: both files replaced, the old ones kept beside them. Never: creates a
//! directory, follows a path out of the allowed roots, writes into a file that somebody reads.
//!
//! # Order, and what a crash leaves
//! 1. Both new files are written beside the old ones and synced; 2. both old files are kept as
//!    `<file>.vigilo-<run>.bak`; 3. the key is renamed into place, then the chain; 4. the directory is synced;
//!    5. the server reloads.
//!
//! A crash before 3 leaves the old pair. A crash between the two renames leaves the new key beside the old chain: a
//! running server does not notice, and the order, which is delivered again, finds that the pair is not the wanted one
//! and writes it again; the backups of the first try are never overwritten, so they still hold what was there before.
//! A crash before 5 leaves the wanted pair and a server that has not read it: therefore the reload is run **also when
//! the files were there already**. A reload is harmless when repeated, and no mark on the disk could prove that the
//! server did read the files; only Verify can. Such a repetition is known by `already_there` in the receipt and by
//! files whose inode and time have not changed.
//!
//! # The way back
//! The backups of the run get a second name beside the files and are renamed into their places, the key first; then the
//! server reloads. They stay backups: a crash anywhere is healed by doing all of it again.

mod atomic;
mod backup;
mod former;
mod place;
mod rehearsal;
mod sweep;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::run::Check;
use domain::target::FileTarget;
use zeroize::Zeroizing;

use self::atomic::{Manner, Staged};
use self::backup::Keeping;
use self::place::{Place, trouble};
use self::sweep::Sweeper;
use super::reload::{self, Reloads};
use super::{Found, Installer, Job, Kept, Replaced, TargetError, WayBack};
use crate::certificate::{Bundle, Chain};

pub struct FileInstaller {
    roots: Arc<[PathBuf]>,
    backups_kept: usize,
    reloads: Reloads,
    sweeper: Arc<Sweeper>,
}

impl FileInstaller {
    /// `roots` without links; files may be anywhere when there are none.
    pub fn new(roots: Vec<PathBuf>, backups_kept: usize) -> Self {
        Self {
            roots: roots.into(),
            backups_kept,
            reloads: Reloads::default(),
            sweeper: Arc::default(),
        }
    }
}

impl Installer for FileInstaller {
    type Target = FileTarget;

    async fn look(&self, job: &Job<'_, FileTarget>, wanted: &Chain) -> Result<Found, TargetError> {
        let (target, roots, wanted) = (job.target.clone(), self.roots.clone(), wanted.clone());
        let keeping = self.keeping(job);
        on_disk(move || look(&Files::find(&target, &roots)?, &wanted, &keeping)).await
    }

    async fn ensure_installed(&self, job: &Job<'_, FileTarget>, wanted: Arc<Bundle>) -> Result<Kept, TargetError> {
        // A program that is not there is found before any file is touched.
        if let Some(reload) = &job.target.reload {
            reload::program(reload)?;
        }
        let (target, roots, keeping) = (job.target.clone(), self.roots.clone(), self.keeping(job));
        let sweeper = Arc::clone(&self.sweeper);
        on_disk(move || {
            let files = Files::find(&target, &roots)?;
            let kept = install(&files, &wanted, &keeping)?;
            sweeper.installed(files.both().map(|(place, _)| place), &keeping);
            Ok(kept)
        })
        .await
    }

    async fn ensure_active(&self, job: &Job<'_, FileTarget>) -> Result<Option<String>, TargetError> {
        match &job.target.reload {
            Some(reload) => self.reloads.ensure(reload).await.map(Some),
            None => Ok(None),
        }
    }

    async fn rehearse(&self, job: &Job<'_, FileTarget>) -> Vec<Check> {
        let (target, roots) = (job.target.clone(), self.roots.clone());
        let checks = on_disk(move || Ok(rehearsal::rehearse(&target, &roots))).await;
        checks.unwrap_or_else(|e| vec![Check::cross("the disk can be used", e.to_string())])
    }
}

impl WayBack for FileInstaller {
    async fn ensure_put_back(&self, job: &Job<'_, FileTarget>, replaced: &Replaced) -> Result<(), TargetError> {
        let (target, roots, replaced) = (job.target.clone(), self.roots.clone(), replaced.clone());
        let keeping = self.keeping(job);
        on_disk(move || former::put_back(&Files::find(&target, &roots)?, &replaced, &keeping)).await
    }
}

impl FileInstaller {
    fn keeping(&self, job: &Job<'_, FileTarget>) -> Keeping {
        Keeping {
            run: job.run,
            kept: self.backups_kept,
            now: job.now,
        }
    }
}

/// Both places, and how the files shall look.
struct Files {
    chain: Place,
    key: Place,
    chain_manner: Manner,
    key_manner: Manner,
}

impl Files {
    fn find(target: &FileTarget, roots: &[PathBuf]) -> Result<Self, TargetError> {
        let bits = key_bits(target)?;
        let ownership = place::ownership(target)?;
        Ok(Self {
            chain: Place::find(&target.chain_path, roots)?,
            key: Place::find(&target.key_path, roots)?,
            chain_manner: Manner {
                bits: chain_bits(bits),
                ownership,
            },
            key_manner: Manner { bits, ownership },
        })
    }

    /// Mostly both are in one directory, and a sync costs milliseconds.
    fn sync(&self) -> Result<(), TargetError> {
        self.key.sync_directory()?;
        if self.chain.directory() != self.key.directory() {
            self.chain.sync_directory()?;
        }
        Ok(())
    }

    /// The key first: whoever reads between the two renames keeps the chain that fits what it has.
    fn both(&self) -> [(&Place, Manner); 2] {
        [(&self.key, self.key_manner), (&self.chain, self.chain_manner)]
    }
}

fn key_bits(target: &FileTarget) -> Result<u32, TargetError> {
    target.key_bits().map_err(|e| TargetError::Misconfigured {
        what: format!("{}: {}", e.field, e.problem),
        remedy: e.remedy,
    })
}

/// The chain is public, whatever the umask says.
const fn chain_bits(key: u32) -> u32 {
    key | 0o044
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

fn look(files: &Files, wanted: &Chain, keeping: &Keeping) -> Result<Found, TargetError> {
    let Some(chain) = content(files.chain.file())? else {
        return Ok(Found::Other {
            what: "nothing".to_owned(),
        });
    };
    if !wanted.is_in(&chain) {
        return Ok(Found::Other { what: in_words(&chain) });
    }
    let key = content(files.key.file())?;
    if key.is_none_or(|key| wanted.fits(&key).is_err()) {
        return Ok(Found::Other {
            what: "this chain without its key".to_owned(),
        });
    }
    Ok(Found::Wanted {
        kept: former::kept(files, keeping)?,
    })
}

fn in_words(chain: &[u8]) -> String {
    let facts = Chain::read(chain).and_then(|chain| chain.facts());
    facts.map_or_else(
        |_| "a file that holds no certificate".to_owned(),
        |leaf| format!("{} ({}), good until {}", leaf.fingerprint, leaf.subject, leaf.not_after),
    )
}

fn content(file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, TargetError> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(trouble("read", file, &e)),
    }
}

fn install(files: &Files, wanted: &Bundle, keeping: &Keeping) -> Result<Kept, TargetError> {
    let key = Staged::write(&files.key, files.key_manner, wanted.key_pem())?;
    let chain = Staged::write(&files.chain, files.chain_manner, wanted.chain().pem().as_bytes())?;
    for (place, manner) in files.both() {
        keeping.keep(place, manner)?;
    }
    key.commit()?;
    chain.commit()?;
    files.sync()?;
    former::kept(files, keeping)
}

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

mod atomic;
mod backup;
mod place;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::certificate::CertificateFacts;
use domain::run::Check;
use domain::target::FileTarget;
use zeroize::Zeroizing;

use self::atomic::{Manner, Staged};
use self::backup::Keeping;
use self::place::{Place, trouble};
use super::reload::{self, Reloads};
use super::{Found, Installer, Job, TargetError};
use crate::certificate::{Bundle, Chain, first_in};

pub struct FileInstaller {
    roots: Arc<[PathBuf]>,
    backups_kept: usize,
    reloads: Reloads,
}

impl FileInstaller {
    /// `roots` without links; files may be anywhere when there are none.
    pub fn new(roots: Vec<PathBuf>, backups_kept: usize) -> Self {
        Self {
            roots: roots.into(),
            backups_kept,
            reloads: Reloads::default(),
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

    async fn ensure_installed(
        &self,
        job: &Job<'_, FileTarget>,
        wanted: Arc<Bundle>,
    ) -> Result<Vec<String>, TargetError> {
        // A program that is not there is found before any file is touched.
        if let Some(reload) = &job.target.reload {
            reload::program(reload)?;
        }
        let (target, roots, keeping) = (job.target.clone(), self.roots.clone(), self.keeping(job));
        on_disk(move || install(&Files::find(&target, &roots)?, &wanted, &keeping)).await
    }

    async fn ensure_active(&self, job: &Job<'_, FileTarget>) -> Result<Option<String>, TargetError> {
        match &job.target.reload {
            Some(reload) => self.reloads.ensure(reload).await.map(Some),
            None => Ok(None),
        }
    }

    async fn rehearse(&self, job: &Job<'_, FileTarget>) -> Vec<Check> {
        let (target, roots) = (job.target.clone(), self.roots.clone());
        let checks = on_disk(move || Ok(rehearse(&target, &roots))).await;
        checks.unwrap_or_else(|e| vec![Check::cross("the disk can be used", e.to_string())])
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

    fn both(&self) -> [&Place; 2] {
        [&self.key, &self.chain]
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
    let backups = files
        .both()
        .iter()
        .filter_map(|place| keeping.made_before(place))
        .collect();
    Ok(Found::Wanted { backups })
}

fn in_words(chain: &[u8]) -> String {
    let facts = first_in(chain).and_then(|leaf| CertificateFacts::read(&leaf).ok());
    facts.map_or_else(
        || "a file that holds no certificate".to_owned(),
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

fn install(files: &Files, wanted: &Bundle, keeping: &Keeping) -> Result<Vec<String>, TargetError> {
    let key = Staged::write(&files.key, files.key_manner, wanted.key_pem())?;
    let chain = Staged::write(&files.chain, files.chain_manner, wanted.chain().pem().as_bytes())?;
    let mut backups = Vec::new();
    for place in files.both() {
        backups.extend(keeping.keep(place)?);
    }
    key.commit()?;
    chain.commit()?;
    files.sync()?;
    for place in files.both() {
        keeping.prune(place);
    }
    Ok(backups)
}

/// The same steps as an installation up to the renames, with empty files; each fault is shown where it is.
fn rehearse(target: &FileTarget, roots: &[PathBuf]) -> Vec<Check> {
    let ownership = place::ownership(target);
    // An unknown owner is a cross already, and must not hide what is wrong with the paths.
    let own = ownership.clone().unwrap_or_default();
    let key_bits = key_bits(target);
    let stage = |path: &str, bits: u32| stage(path, roots, Manner { bits, ownership: own });
    let mut checks = vec![
        check("the owner exists", ownership.map(|o| o.to_string())),
        check(
            "the chain can be written",
            key_bits
                .clone()
                .and_then(|bits| stage(&target.chain_path, chain_bits(bits))),
        ),
        check(
            "the key can be written",
            key_bits.and_then(|bits| stage(&target.key_path, bits)),
        ),
    ];
    if let Some(reload) = &target.reload {
        let program = reload::program(reload).map(|path| format!("{} can be run", path.display()));
        checks.push(check("the reload program can be run", program));
    }
    checks
}

fn stage(path: &str, roots: &[PathBuf], manner: Manner) -> Result<String, TargetError> {
    let place = Place::find(path, roots)?;
    drop(Staged::write(&place, manner, b"")?);
    // What cannot be read cannot be kept for a rollback.
    content(place.file())?;
    Ok(format!("{path} can be written, mode {:04o}", manner.bits))
}

fn check(name: &str, found: Result<String, TargetError>) -> Check {
    match found {
        Ok(evidence) => Check::tick(name, evidence),
        Err(TargetError::Misconfigured { what, remedy } | TargetError::Denied { what, remedy }) => {
            Check::cross(name, format!("{what}; {remedy}"))
        }
        Err(other) => Check::cross(name, other.to_string()),
    }
}

//! What was there before: kept beside the file until a few runs later.
//!
//! In: a place and a run. Out: `<file>.vigilo-<run>.bak` with content, mode and owner of the old file. Never: a second
//! backup of the same run over the first: after a crash the file in place may be the new one already.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{RunId, Timestamp};
use zeroize::Zeroizing;

use super::atomic::{Manner, Staged, TEMPORARY};
use super::place::{Ownership, Place, trouble};
use crate::targets::TargetError;

const BACKUP: &str = ".bak";
/// Longer than any order may be out: such a temporary file belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// How backups of one run are named, and how many runs are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    pub run: RunId,
    pub kept: usize,
    pub now: Timestamp,
}

impl Keeping {
    /// Keeps the file that is in place; nothing when there is none. May be called again.
    pub fn keep(&self, place: &Place) -> Result<Option<String>, TargetError> {
        let backup = self.path(place);
        // A rename leaves the old file as it is: a second name for it is a backup with owner, mode and time.
        match fs::hard_link(place.file(), &backup) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(self.made_before(place)),
            // The file system has no links, or protects those of others.
            Err(_) => copy(place, &backup)?,
        }
        Ok(Some(backup.display().to_string()))
    }

    /// The backup that an earlier attempt of this run made.
    pub fn made_before(&self, place: &Place) -> Option<String> {
        let backup = self.path(place);
        backup.exists().then(|| backup.display().to_string())
    }

    /// Removes older backups and abandoned temporary files. What cannot be removed is left to the next run.
    pub fn prune(&self, place: &Place) {
        let mut backups = Vec::new();
        for entry in fs::read_dir(place.directory()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(run) = run_of(&name, place) {
                backups.push((run, entry.path()));
            } else if is_temporary(&name, place) && self.is_abandoned(&entry.path()) {
                drop(fs::remove_file(entry.path()));
            }
        }
        // Ids of later runs sort later.
        backups.sort_unstable_by_key(|(run, _)| std::cmp::Reverse(*run));
        for (_, path) in backups.iter().skip(self.kept).filter(|(run, _)| *run != self.run) {
            drop(fs::remove_file(path));
        }
    }

    fn path(&self, place: &Place) -> PathBuf {
        place.beside("", &format!(".vigilo-{}{BACKUP}", self.run))
    }

    fn is_abandoned(&self, file: &Path) -> bool {
        let written = fs::metadata(file)
            .ok()
            .and_then(|about| Timestamp::from_unix(about.mtime()));
        written.is_some_and(|at| self.now.since(at) > ABANDONED)
    }
}

fn run_of(name: &str, place: &Place) -> Option<RunId> {
    let rest = name.strip_prefix(&place.name())?.strip_prefix(".vigilo-")?;
    rest.strip_suffix(BACKUP)?.parse().ok()
}

fn is_temporary(name: &str, place: &Place) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(&place.name()));
    rest.is_some_and(|rest| rest.starts_with(".vigilo-") && rest.ends_with(TEMPORARY))
}

fn copy(place: &Place, backup: &Path) -> Result<(), TargetError> {
    if backup.exists() {
        return Ok(());
    }
    let unreadable = |e| trouble("read", place.file(), &e);
    let about = fs::metadata(place.file()).map_err(unreadable)?;
    let content = Zeroizing::new(fs::read(place.file()).map_err(unreadable)?);
    let same = Manner {
        bits: about.mode() & 0o777,
        ownership: Ownership {
            user: Some(about.uid()),
            group: Some(about.gid()),
        },
    };
    // Whoever may not give files away keeps the copy as its own: readable for nobody who could not read it before.
    let own = Manner {
        bits: about.mode() & 0o700,
        ownership: Ownership::default(),
    };
    let at = place.sibling(backup);
    Staged::write(&at, same, &content)
        .or_else(|_| Staged::write(&at, own, &content))?
        .commit()
}

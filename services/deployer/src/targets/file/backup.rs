//! What was there before: kept beside the file until a few runs later.
//!
//! In: a place and a run. Out: `<file>.vigilo-<run>.bak` with content, mode and owner of the old file. Never: a second
//! backup of the same run over the first: after a crash the file in place may be the new one already; the backup of
//! the run itself is never removed, however old: only one run at a time is on its way for one policy.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{RunId, Timestamp};

use super::atomic::{Manner, Staged, TEMPORARY};
use super::place::Place;
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
    /// Keeps the file that is in place, if there is one and nothing is kept yet. A rename leaves the old file as it is:
    /// a second name for it is a backup with owner, mode and time.
    pub fn keep(&self, place: &Place, otherwise: Manner) -> Result<(), TargetError> {
        let backup = self.path(place);
        match fs::hard_link(place.file(), &backup) {
            Ok(()) => Ok(()),
            Err(e) if matches!(e.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Ok(()),
            Err(_) if backup.exists() => Ok(()),
            // The file system has no links, or protects those of others.
            Err(_) => Staged::twin(place.file(), &place.sibling(&backup), otherwise)?.commit(),
        }
    }

    /// Where the backup of this run is, if there is one.
    pub fn find(&self, place: &Place) -> Option<PathBuf> {
        Some(self.path(place)).filter(|backup| backup.exists())
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

    /// Where the backup of this run is, or would be.
    pub fn path(&self, place: &Place) -> PathBuf {
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

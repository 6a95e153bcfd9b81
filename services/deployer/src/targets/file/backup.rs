//! What was there before: kept beside the file until a few runs later.
//!
//! In: a place and a run. Out: `<file>.vigilo-<run>.bak` with content, mode and owner of the old file. Never: a second
//! backup of the same run over the first: after a crash the file in place may be the new one already; the backup of
//! the run itself is never removed, however old: only one run at a time is on its way for one policy.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use domain::{RunId, Timestamp};

use super::atomic::{Manner, Staged};
use super::place::Place;
use crate::targets::TargetError;

/// Between the name of the file and that of the run.
pub const OURS: &str = ".vigilo-";
pub const BACKUP: &str = ".bak";

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

    /// Where the backup of this run is, or would be.
    pub fn path(&self, place: &Place) -> PathBuf {
        place.beside("", &format!("{OURS}{}{BACKUP}", self.run))
    }
}

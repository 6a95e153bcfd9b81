//! What was there before: kept beside the file, in a directory that only the deployer may enter,
//! for a few runs and days.
//!
//! In: a place and a run. Out: `.vigilo-backups/<file>.vigilo-<run>.bak` with content, mode and
//! owner of the old file, or `….none` when only the other file of the pair was there. Never: a
//! second backup of the same run over the first: after a crash the file in place may be the new one
//! already; the backup of the run itself is never removed by its own installation.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use domain::{RunId, Timestamp};
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, linkat, mkdirat, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::atomic::Staged;
use super::directory::Directory;
use super::location::{FileLocation, OURS};
use super::looks::Manner;
use super::trouble::{misconfigured, trouble};
use crate::targets::TargetError;

pub const BACKUP: &str = ".bak";
pub const ABSENT: &str = ".none";
/// Servers that read whole directories leave out what begins with a dot.
pub const DIRECTORY: &str = ".vigilo-backups";
const CLOSED: Mode = Mode::RWXU;

/// How backups of one run are named, how many runs are kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    pub run: RunId,
    pub kept: usize,
    pub age: Duration,
    pub now: Timestamp,
}

/// What a run has found in a place before its first installation.
#[derive(Debug, Clone)]
pub enum Before {
    File(FileLocation),
    /// The other file of the pair was there alone.
    Absent,
    Unknown,
}

/// The directory of backups beside this place; made when it is missing.
pub fn directory(place: &FileLocation) -> Result<Arc<Directory>, TargetError> {
    match mkdirat(place.directory(), DIRECTORY, CLOSED) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(e) => return Err(trouble("write into", place.directory().path(), &e.into())),
    }
    existing(place)?.ok_or_else(|| TargetError::Unavailable {
        what: format!("{} is gone again", place.directory().path().join(DIRECTORY).display()),
    })
}

/// The directory of backups, when there is one. One of another user is not written into: that user
/// could change what is put back.
pub fn existing(place: &FileLocation) -> Result<Option<Arc<Directory>>, TargetError> {
    let path = place.directory().path().join(DIRECTORY);
    let directory = match place.directory().inner(DIRECTORY) {
        Ok(directory) => directory,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(trouble("open", &path, &e)),
    };
    let about = fstat(directory.as_fd()).map_err(|e| trouble("look at", &path, &e.into()))?;
    if about.st_uid != geteuid().as_raw() {
        let what = format!(
            "{} belongs to user {}, not to the deployer",
            path.display(),
            about.st_uid
        );
        let remedy = "remove it, or give it to the deployer's user: what is put back comes from there";
        return Err(misconfigured(what, remedy));
    }
    if Mode::from_raw_mode(about.st_mode) != CLOSED {
        let closed = directory.readable().and_then(|opened| Ok(fchmod(opened, CLOSED)?));
        closed.map_err(|e| trouble("close to others", &path, &e))?;
    }
    Ok(Some(Arc::new(directory)))
}

impl Keeping {
    /// Keeps what is in both places, unless this run has done so before; says whether anything was
    /// kept now. A rename leaves the old file as it is: a second name for it is a backup with
    /// owner, mode and time.
    pub fn keep(&self, both: [(&FileLocation, &Manner, bool); 2]) -> Result<(), TargetError> {
        if both.iter().all(|(_, _, present)| !present) {
            return Ok(());
        }
        let mut into: Option<Arc<Directory>> = None;
        for (place, manner, present) in both {
            let backups = match &into {
                Some(opened) if is_in(opened, place) => Arc::clone(opened),
                Some(_) | None => directory(place)?,
            };
            if !self.is_kept(place, &backups) {
                if present {
                    self.keep_file(place, &backups, manner)?;
                } else {
                    self.note_absence(place, &backups)?;
                }
                // The rename that follows must not reach the disk before the way back does.
                backups.sync().map_err(|e| trouble("sync", backups.path(), &e))?;
            }
            into = Some(backups);
        }
        Ok(())
    }

    fn is_kept(&self, place: &FileLocation, backups: &Arc<Directory>) -> bool {
        let there = |name: OsString| statat(backups, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        there(self.name(place, BACKUP)) || there(self.name(place, ABSENT)) || self.beside(place).is_some()
    }

    fn keep_file(&self, place: &FileLocation, backups: &Arc<Directory>, otherwise: &Manner) -> Result<(), TargetError> {
        let backup = FileLocation::within(backups, self.name(place, BACKUP));
        match linkat(
            place.directory(),
            place.name(),
            backups,
            backup.name(),
            AtFlags::empty(),
        ) {
            Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
            // The file system has no links, or protects those of others.
            Err(_) => Staged::twin(place, &backup, otherwise)?.commit(),
        }
    }

    fn note_absence(&self, place: &FileLocation, backups: &Arc<Directory>) -> Result<(), TargetError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(backups, self.name(place, ABSENT), flags, Mode::RUSR | Mode::WUSR);
        made.map(drop)
            .map_err(|e| trouble("write into", backups.path(), &e.into()))
    }

    /// What this run has found in this place.
    pub fn find(&self, place: &FileLocation) -> Result<Before, TargetError> {
        if let Some(backups) = existing(place)? {
            let backup = FileLocation::within(&backups, self.name(place, BACKUP));
            if statat(&backups, backup.name(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(Before::File(backup));
            }
            if statat(&backups, self.name(place, ABSENT), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(Before::Absent);
            }
        }
        Ok(self.beside(place).map_or(Before::Unknown, Before::File))
    }

    /// Where a version before this one kept it.
    fn beside(&self, place: &FileLocation) -> Option<FileLocation> {
        let backup = FileLocation::within(place.directory(), self.name(place, BACKUP));
        statat(place.directory(), backup.name(), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok()
            .then_some(backup)
    }

    fn name(&self, place: &FileLocation, kind: &str) -> OsString {
        place.named("", &format!("{OURS}{}{kind}", self.run))
    }

    /// For messages: where the backup of this run is, or would be.
    pub fn shown(&self, place: &FileLocation) -> String {
        let name = self.name(place, BACKUP);
        place
            .directory()
            .path()
            .join(DIRECTORY)
            .join(name)
            .display()
            .to_string()
    }
}

/// Mostly both files are in one directory, and a handle costs some calls.
fn is_in(backups: &Directory, place: &FileLocation) -> bool {
    backups.path().parent() == Some(place.directory().path())
}

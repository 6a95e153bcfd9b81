//! A file that appears whole or not at all: written under another name beside its place, then renamed.
//!
//! In: content and manner. Out: a file that no reader ever sees half, and that nobody could read before it had its
//! owner and mode. Never: a temporary file that stays, except after a kill; `sweep` removes those.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::backup::OURS;
use super::place::{Ownership, Place, trouble};
use crate::targets::TargetError;

pub const TEMPORARY: &str = ".tmp";

/// Permission bits and owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub bits: u32,
    pub ownership: Ownership,
}

/// Written and synced, not yet in its place; removed when dropped.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    place: Place,
}

impl Staged {
    pub fn write(place: &Place, manner: Manner, content: &[u8]) -> Result<Self, TargetError> {
        let temporary = temporary(place);
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary);
        let file = created.map_err(|e| trouble("write into", place.directory(), &e))?;
        let staged = Self {
            temporary,
            place: place.clone(),
        };
        staged.give_away(&file, manner.ownership)?;
        staged
            .fill(file, manner.bits, content)
            .map_err(|e| trouble("write", place.file(), &e))?;
        Ok(staged)
    }

    /// The same file under another name, with owner, mode and time; a copy of it where there are no links, or where
    /// those of others are protected. A copy that may not be given to the same owner gets `otherwise`.
    pub fn twin(of: &Path, place: &Place, otherwise: Manner) -> Result<Self, TargetError> {
        let temporary = temporary(place);
        if fs::hard_link(of, &temporary).is_ok() {
            return Ok(Self {
                temporary,
                place: place.clone(),
            });
        }
        let unreadable = |e| trouble("read", of, &e);
        let about = fs::metadata(of).map_err(unreadable)?;
        let content = Zeroizing::new(fs::read(of).map_err(unreadable)?);
        let same = Manner {
            bits: about.mode() & 0o777,
            ownership: Ownership {
                user: Some(about.uid()),
                group: Some(about.gid()),
            },
        };
        Self::write(place, same, &content).or_else(|_| Self::write(place, otherwise, &content))
    }

    /// Replaces the file. On the disk once the directory is synced.
    pub fn commit(self) -> Result<(), TargetError> {
        fs::rename(&self.temporary, self.place.file()).map_err(|e| trouble("replace", self.place.file(), &e))
    }

    fn give_away(&self, file: &File, to: Ownership) -> Result<(), TargetError> {
        fchown(file, to.user, to.group).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => TargetError::Denied {
                what: format!(
                    "{} cannot be given to {to}: the deployer lacks that right",
                    self.place.file().display()
                ),
                remedy: "run the deployer as root or with CAP_CHOWN, as that user, or as a member of that group"
                    .to_owned(),
            },
            _ => trouble("give away", self.place.file(), &e),
        })
    }

    fn fill(&self, mut file: File, bits: u32, content: &[u8]) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(bits))?;
        file.write_all(content)?;
        file.sync_all()
    }
}

/// A number of its own: two workers with the same order must not write into one file.
fn temporary(place: &Place) -> PathBuf {
    place.beside(".", &format!("{OURS}{:016x}{TEMPORARY}", rand::random::<u64>()))
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit it is gone already.
        drop(fs::remove_file(&self.temporary));
    }
}

//! A file that appears whole or not at all: written under another name beside its place, then
//! renamed.
//!
//! In: content and manner. Out: a file that no reader ever sees half, and that no other user could
//! read before it had its owner and mode. Never: a temporary file that stays, except after a kill;
//! `sweep` removes those.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, fchown};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::guard::has_key;
use super::location::{FileLocation, OURS};
use super::looks::{Manner, Ownership};
use super::present::Present;
use super::trouble::{denied, trouble};
use crate::targets::TargetError;

pub const TEMPORARY: &str = ".tmp";
const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o007;

/// Written and synced, not yet in its place; removed when dropped.
#[derive(Debug)]
pub struct Staged {
    temporary: OsString,
    place: FileLocation,
}

impl Staged {
    pub fn write(place: &FileLocation, manner: &Manner, content: &[u8]) -> Result<Self, TargetError> {
        let temporary = temporary(place);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = openat(place.directory(), &temporary, flags, Mode::from_raw_mode(OWNER_ONLY));
        let file = created.map_err(|e| trouble("write into", place.directory().path(), &e.into()))?;
        let file = File::from(file);
        let staged = Self {
            temporary,
            place: place.clone(),
        };
        staged.give_away(&file, manner)?;
        staged
            .fill(file, manner, content)
            .map_err(|e| trouble("write", place.file(), &e))?;
        Ok(staged)
    }

    /// The file under another name, with owner, mode and time; a copy of it where there are no
    /// links, or where those of others are protected. A copy that may not be given to the same
    /// owner gets `otherwise`, and no more rights than the original has.
    pub fn twin(of: &FileLocation, place: &FileLocation, otherwise: &Manner) -> Result<Self, TargetError> {
        let temporary = temporary(place);
        let linked = linkat(
            of.directory(),
            of.name(),
            place.directory(),
            &temporary,
            AtFlags::empty(),
        );
        if linked.is_ok() {
            return Ok(Self {
                temporary,
                place: place.clone(),
            });
        }
        let present = Present::read(of)?.ok_or_else(|| TargetError::Lost {
            what: format!("{} is gone", of.file().display()),
        })?;
        Self::write(place, &present.looks.same(), &present.content)
            .or_else(|_| Self::write(place, &narrowed(otherwise, &present), &present.content))
    }

    /// Replaces the file. On the disk once the directory is synced.
    pub fn commit(self) -> Result<(), TargetError> {
        let at = self.place.directory();
        renameat(at, &self.temporary, at, self.place.name())
            .map_err(|e| trouble("replace", self.place.file(), &e.into()))
    }

    /// Tries the rename of a commit and takes it back: this must be a copy of what is in place,
    /// which is there again afterwards, the very same file. With nothing in place it goes to
    /// another name that is free.
    pub fn try_commit(mut self, present: bool) -> Result<(), TargetError> {
        let at = self.place.directory();
        if !present {
            let other = temporary(&self.place);
            renameat(at, &self.temporary, at, &other).map_err(|e| trouble("rename in", at.path(), &e.into()))?;
            self.temporary = other;
            return Ok(());
        }
        let exchange = || renameat_with(at, &self.temporary, at, self.place.name(), RenameFlags::EXCHANGE);
        match exchange().and_then(|()| exchange()) {
            Ok(()) => Ok(()),
            // A file system that cannot exchange two names.
            Err(Errno::INVAL | Errno::NOSYS) => self.place.check_replaceable(),
            Err(e) => Err(trouble("replace", self.place.file(), &e.into())),
        }
    }

    fn give_away(&self, file: &File, manner: &Manner) -> Result<(), TargetError> {
        let to = manner.ownership;
        let Err(e) = fchown(file, to.user, to.group) else {
            return Ok(());
        };
        if e.kind() != io::ErrorKind::PermissionDenied {
            return Err(trouble("give away", self.place.file(), &e));
        }
        let shown = self.place.file().display();
        if manner.keeps_ownership() {
            let what = format!("{shown} belongs to {to}, and the deployer lacks the right to keep it so");
            let remedy = "run the deployer as root, with CAP_CHOWN or as that user; or say in the policy's target who \
                          shall own its files (owner, group)";
            return Err(denied(what, remedy));
        }
        let what = format!("{shown} cannot be given to {to}: the deployer lacks that right");
        let remedy = "run the deployer as root or with CAP_CHOWN, as that user, or as a member of that group";
        Err(denied(what, remedy))
    }

    /// Owner, list and mode come before the first byte.
    fn fill(&self, mut file: File, manner: &Manner, content: &[u8]) -> io::Result<()> {
        manner.hand_on(&file)?;
        file.set_permissions(Permissions::from_mode(manner.bits))?;
        file.write_all(content)?;
        file.sync_all()
    }
}

/// A copy that belongs to the deployer: its group and others are not those of the original. A
/// private key in a file that others would read is for its owner alone.
fn narrowed(otherwise: &Manner, original: &Present) -> Manner {
    let mut manner = otherwise.clone();
    manner.ownership = Ownership::default();
    manner.bits &= original.looks.bits;
    if manner.bits & OTHERS != 0 && has_key(&original.content) {
        manner.bits &= OWNER_ONLY;
    }
    manner
}

/// A number of its own: two workers with the same order must not write into one file.
fn temporary(place: &FileLocation) -> OsString {
    place.named(".", &format!("{OURS}{:016x}{TEMPORARY}", rand::random::<u64>()))
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit it is gone already.
        let _gone = unlinkat(self.place.directory(), &self.temporary, AtFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::targets::file::looks::Said;

    fn place(directory: &Path, name: &str) -> FileLocation {
        FileLocation::locate(&directory.join(name).display().to_string(), &["/".into()]).expect("a place")
    }

    fn narrowed_bits(directory: &Path, content: &str, bits: u32, otherwise: u32) -> u32 {
        let file = directory.join("original");
        fs::write(&file, content).expect("written");
        fs::set_permissions(&file, Permissions::from_mode(bits)).expect("its mode");
        let present = Present::read(&place(directory, "original"))
            .expect("read")
            .expect("there");
        let mut manner = Said::default().key(None);
        manner.bits = otherwise;
        narrowed(&manner, &present).bits
    }

    /// Who has no right to the original has none to its copy either.
    #[test]
    fn a_copy_of_its_own_has_no_more_rights_than_the_original() {
        let directory = tempfile::tempdir().expect("a directory");
        let bits = |content, bits, otherwise| narrowed_bits(directory.path(), content, bits, otherwise);
        assert_eq!(bits("a chain", 0o640, 0o644), 0o640);
        assert_eq!(bits("a chain", 0o644, 0o640), 0o640);
        let combined = "-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n";
        assert_eq!(bits(combined, 0o644, 0o644), 0o600);
        assert_eq!(bits(combined, 0o640, 0o644), 0o640);
    }
}

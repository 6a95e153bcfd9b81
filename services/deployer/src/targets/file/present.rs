//! What is in a place now: its bytes, and how the file looks. Bounded, because a path may lead to
//! anything.
//!
//! In: a place. Out: the content and the looks of a file, or nothing. Never: more than a megabyte,
//! a device, a wait for whoever writes into a pipe.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
use zeroize::Zeroizing;

use super::location::FileLocation;
use super::looks::Looks;
use super::trouble::{misconfigured, trouble};
use crate::targets::TargetError;

/// A chain of ten with large keys has 30 KiB.
const MOST: u64 = 1 << 20;

#[derive(Debug)]
pub struct Present {
    pub content: Zeroizing<Vec<u8>>,
    pub looks: Looks,
}

impl Present {
    /// Nothing when no file is there.
    pub fn read(place: &FileLocation) -> Result<Option<Self>, TargetError> {
        let Some(mut file) = open(place)? else {
            return Ok(None);
        };
        let unreadable = |e: io::Error| trouble("read", place.file(), &e);
        let about = file.metadata().map_err(unreadable)?;
        if about.size() > MOST {
            let what = format!(
                "{} has {} bytes: it is no certificate",
                place.file().display(),
                about.size()
            );
            return Err(misconfigured(what, "name another file in the policy's target"));
        }
        // With room for everything: a buffer that grows leaves a copy behind.
        let room = usize::try_from(about.size()).unwrap_or_default() + 1;
        let mut content = Zeroizing::new(Vec::with_capacity(room));
        file.by_ref().take(MOST).read_to_end(&mut content).map_err(unreadable)?;
        let looks = Looks::of(&file, &about).map_err(unreadable)?;
        Ok(Some(Self { content, looks }))
    }
}

/// The bytes of a file, when there is one.
pub fn content(place: &FileLocation) -> Result<Option<Zeroizing<Vec<u8>>>, TargetError> {
    Ok(Present::read(place)?.map(|present| present.content))
}

fn open(place: &FileLocation) -> Result<Option<File>, TargetError> {
    // Opening a device can do something by itself: what it is comes first.
    let kind = match statat(place.directory(), place.name(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(about) => FileType::from_raw_mode(about.st_mode),
        Err(e) => return absent_or(place, e.into()),
    };
    if kind != FileType::RegularFile {
        let what = format!("{} is {}, not a file", place.file().display(), in_words(kind));
        return Err(misconfigured(what, "name a file in the policy's target"));
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(place.directory(), place.name(), flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(e) => absent_or(place, e.into()),
    }
}

fn absent_or(place: &FileLocation, error: io::Error) -> Result<Option<File>, TargetError> {
    if error.kind() == ErrorKind::NotFound {
        return Ok(None);
    }
    Err(trouble("read", place.file(), &error))
}

fn in_words(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Directory => "a directory",
        FileType::Symlink => "a link that was put there just now",
        FileType::RegularFile | FileType::Unknown => "something else",
    }
}

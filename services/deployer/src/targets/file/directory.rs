//! Directories as they really are: opened once, and everything in them is done relative to that
//! handle.
//!
//! In: an allowed root and a path below it, both without links. Out: a handle. Never: a link on the
//! way, be it put there in the very moment between a check and its use.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// For names in it; nothing is read by it.
const HANDLE: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

impl Directory {
    /// The directory at `path`, which lies below `root`. Both are resolved already: a link on the
    /// way has come since.
    pub fn open(root: &Path, path: &Path) -> io::Result<Self> {
        let top = openat(CWD, "/", HANDLE, Mode::empty())?;
        let root_handle = below(top.as_fd(), root)?;
        let rest = path.strip_prefix(root).map_err(io::Error::other)?;
        let handle = below(root_handle.as_fd(), rest)?;
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// A directory in this one.
    pub fn inner(&self, name: &str) -> io::Result<Self> {
        Ok(Self {
            path: self.path.join(name),
            handle: openat(&self.handle, name, HANDLE, Mode::empty())?,
        })
    }

    /// For messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, opened to be listed or synced: that takes the permission to read it.
    pub fn readable(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.handle, ".", flags, Mode::empty())?))
    }

    /// What was made or renamed in it is on the disk then.
    pub fn sync(&self) -> io::Result<()> {
        self.readable()?.sync_all()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

fn below(from: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let relative = if relative.as_os_str().is_empty() {
        Path::new(".")
    } else {
        relative
    };
    let strict = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(from, relative, HANDLE, Mode::empty(), strict) {
        // Linux before 5.6, a sandbox that does not know the call, or a rename next to it.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => step_by_step(from, relative),
        opened => Ok(opened?),
    }
}

/// Opens a directory below another without `openat2`: no step follows a link, and none leads up.
fn step_by_step(from: BorrowedFd<'_>, relative: &Path) -> io::Result<OwnedFd> {
    let mut handle = openat(from, ".", HANDLE, Mode::empty())?;
    for part in relative.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => handle = openat(&handle, name, HANDLE, Mode::empty())?,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV.into()),
        }
    }
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Both ways of opening keep the promise.
    #[test]
    fn no_link_and_no_way_up_is_followed() {
        let world = tempfile::tempdir().expect("a directory");
        let root = world.path().canonicalize().expect("its place");
        fs::create_dir_all(root.join("in/deep")).expect("made");
        fs::create_dir(root.join("out")).expect("made");
        symlink(root.join("out"), root.join("in/absolute")).expect("made");
        symlink("../out", root.join("in/relative")).expect("made");
        let top = openat(CWD, root.join("in"), HANDLE, Mode::empty()).expect("opened");

        for open in [below, step_by_step] {
            assert!(open(top.as_fd(), Path::new("deep")).is_ok());
            assert!(open(top.as_fd(), Path::new(".")).is_ok());
            for way_out in ["absolute", "relative", "../out", "deep/../../out"] {
                assert!(open(top.as_fd(), Path::new(way_out)).is_err(), "{way_out}");
            }
        }
    }

    #[test]
    fn a_link_that_came_after_the_check_leads_nowhere() {
        let world = tempfile::tempdir().expect("a directory");
        let root = world.path().canonicalize().expect("its place");
        fs::create_dir_all(root.join("app/tls")).expect("made");
        fs::create_dir(root.join("other")).expect("made");
        let checked = root.join("app/tls");
        assert!(Directory::open(&root, &checked).is_ok());

        fs::remove_dir(&checked).expect("removed");
        symlink(root.join("other"), &checked).expect("swapped");

        assert!(Directory::open(&root, &checked).is_err());
    }
}

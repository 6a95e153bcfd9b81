//! Where a file goes: the directory as it really is, the name in it, and what is missing.
//!
//! In: a path as the policy spells it. Out: a place below the allowed roots, or an error that names
//! the path and the permission that is missing. Never: a path that is looked up a second time.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, StatxAttributes, StatxFlags, accessat, statx};

use super::directory::Directory;
use super::trouble::{denied, misconfigured, myself, trouble};
use crate::allowed;
use crate::targets::TargetError;

/// Links that lead to links; as Linux counts (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// In the name of a file of ours: between that of the file it belongs to and what is ours of it.
pub const OURS: &str = ".vigilo-";

/// A file in a directory that exists.
#[derive(Debug, Clone)]
pub struct FileLocation {
    directory: Arc<Directory>,
    name: OsString,
    file: PathBuf,
}

impl FileLocation {
    /// The file that a server reads under this path, in a directory that may be written.
    pub fn find(path: &str, roots: &[PathBuf]) -> Result<Self, TargetError> {
        let place = Self::locate(path, roots)?;
        place.check_writable()?;
        Ok(place)
    }

    /// The file that a server reads under this path: a link at its end is followed, so that the
    /// link stays, also when what it leads to is not there yet.
    pub fn locate(path: &str, roots: &[PathBuf]) -> Result<Self, TargetError> {
        let file = resolved(Path::new(path))?;
        if file.is_dir() {
            let what = format!("{path} is a directory, not a file");
            return Err(misconfigured(what, "name a file in the policy's target"));
        }
        let root = roots.iter().find(|root| file.starts_with(root));
        let root = root.ok_or_else(|| allowed::outside(&file, roots))?;
        let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(no_file(path));
        };
        let opened = Directory::open(root, directory).map_err(|e| unusable(directory, &e))?;
        Ok(Self {
            directory: Arc::new(opened),
            name: name.to_owned(),
            file,
        })
    }

    /// Another file of a directory that is open.
    pub fn within(directory: &Arc<Directory>, name: OsString) -> Self {
        Self {
            file: directory.path().join(&name),
            directory: Arc::clone(directory),
            name,
        }
    }

    /// For messages.
    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The name of the file with something before and after it.
    pub fn named(&self, prefix: &str, suffix: &str) -> OsString {
        let mut name = OsString::from(prefix);
        name.push(&self.name);
        name.push(suffix);
        name
    }

    /// A rename is on the disk only when its directory is.
    pub fn sync_directory(&self) -> Result<(), TargetError> {
        let synced = self.directory.sync();
        synced.map_err(|e| trouble("sync", self.directory.path(), &e))
    }

    pub fn check_writable(&self) -> Result<(), TargetError> {
        let needed = Access::WRITE_OK | Access::EXEC_OK;
        accessat(&self.directory, ".", needed, AtFlags::EACCESS)
            .map_err(|e| trouble("write into", self.directory.path(), &io::Error::from(e)))
    }

    /// A file that is mounted by itself, as containers do with `-v FILE:FILE`, can be written but
    /// not replaced.
    pub fn check_replaceable(&self) -> Result<(), TargetError> {
        let looked = statx(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
        // Before Linux 5.8 the kernel does not say; then the rehearsal's own rename shows it.
        match looked {
            Ok(about) if about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) => {
                Err(trouble("replace", &self.file, &ErrorKind::ResourceBusy.into()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Without links; the file itself need not exist.
fn resolved(asked: &Path) -> Result<PathBuf, TargetError> {
    let mut asked = asked.to_owned();
    for _ in 0..MOST_LINKS {
        match asked.canonicalize() {
            Ok(file) => return Ok(file),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(unusable(&asked, &e)),
        }
        let (Some(directory), Some(name)) = (asked.parent(), asked.file_name()) else {
            return Err(no_file(&asked.display().to_string()));
        };
        let directory = directory.canonicalize().map_err(|e| unusable(directory, &e))?;
        let file = directory.join(name);
        match fs::read_link(&file) {
            Ok(to) => asked = directory.join(to),
            // Nothing is there, or it came in this moment.
            Err(_) => return Ok(file),
        }
    }
    let what = format!("{} is a link that leads in a circle", asked.display());
    Err(misconfigured(
        what,
        "mend the link, or name another file in the policy's target",
    ))
}

fn no_file(path: &str) -> TargetError {
    misconfigured(
        format!("{path} is no path of a file"),
        "name a file in the policy's target",
    )
}

/// Why a path cannot be resolved.
fn unusable(path: &Path, error: &io::Error) -> TargetError {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => misconfigured(
            format!("the directory {path} does not exist"),
            "create it with the owner and mode that its server needs: the deployer makes no directories for servers",
        ),
        ErrorKind::NotADirectory => misconfigured(
            format!("{path} lies below something that is not a directory"),
            "correct the path in the policy's target",
        ),
        ErrorKind::PermissionDenied => denied(
            format!(
                "{path} cannot be reached: {} lacks the permission to search (x) a directory above it",
                myself()
            ),
            "give it that permission, or run the deployer as another user",
        ),
        _ => TargetError::Unavailable {
            what: format!("{path} cannot be used: {error}"),
        },
    }
}

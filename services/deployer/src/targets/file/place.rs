//! Where a file goes: the directory as it really is, who shall own the file, and what is missing.
//!
//! In: a path and an owner as the policy spells them. Out: a place below the allowed roots, or an error that names the
//! path and the permission that is missing.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use domain::target::FileTarget;
use nix::unistd::{Group, User, geteuid};
use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::targets::TargetError;

/// A file in a directory that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    directory: PathBuf,
    name: OsString,
    file: PathBuf,
}

impl Place {
    /// The file that a server reads under this path, in a directory that may be written.
    pub fn find(path: &str, roots: &[PathBuf]) -> Result<Self, TargetError> {
        let place = Self::locate(path, roots)?;
        place.check_writable()?;
        Ok(place)
    }

    /// The file that a server reads under this path: a link at its end is followed, so that the link stays.
    pub fn locate(path: &str, roots: &[PathBuf]) -> Result<Self, TargetError> {
        let asked = Path::new(path);
        let file = match asked.canonicalize() {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => in_directory(asked)?,
            Err(e) => return Err(unusable(asked, &e)),
        };
        if file.is_dir() {
            let what = format!("{path} is a directory, not a file");
            return Err(misconfigured(what, "name a file in the policy's target"));
        }
        if !roots.is_empty() && !roots.iter().any(|root| file.starts_with(root)) {
            let what = format!(
                "{} lies outside the directories that this deployer may write",
                file.display()
            );
            return Err(misconfigured(
                what,
                "change the path, or allowed_roots in the deployer's configuration",
            ));
        }
        let (Some(directory), Some(name)) = (file.parent().map(Path::to_owned), file.file_name()) else {
            return Err(misconfigured(
                format!("{path} is no path of a file"),
                "name a file in the policy's target",
            ));
        };
        Ok(Self {
            name: name.to_owned(),
            directory,
            file,
        })
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file in the same directory: `<prefix><name><suffix>`.
    pub fn beside(&self, prefix: &str, suffix: &str) -> PathBuf {
        let mut name = OsString::from(prefix);
        name.push(&self.name);
        name.push(suffix);
        self.directory.join(name)
    }

    /// Another file of the same directory.
    pub fn sibling(&self, file: &Path) -> Self {
        Self {
            directory: self.directory.clone(),
            name: file.file_name().unwrap_or_default().to_owned(),
            file: file.to_owned(),
        }
    }

    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// A rename is on the disk only when its directory is.
    pub fn sync_directory(&self) -> Result<(), TargetError> {
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|e| trouble("sync", &self.directory, &e))
    }

    pub fn check_writable(&self) -> Result<(), TargetError> {
        let needed = Access::WRITE_OK | Access::EXEC_OK;
        accessat(CWD, &self.directory, needed, AtFlags::EACCESS)
            .map_err(|e| trouble("write into", &self.directory, &io::Error::from(e)))
    }
}

fn in_directory(asked: &Path) -> Result<PathBuf, TargetError> {
    let (Some(directory), Some(name)) = (asked.parent(), asked.file_name()) else {
        let what = format!("{} is no path of a file", asked.display());
        return Err(misconfigured(what, "name a file in the policy's target"));
    };
    let directory = directory.canonicalize().map_err(|e| unusable(directory, &e))?;
    Ok(directory.join(name))
}

/// Why a path cannot be resolved.
fn unusable(path: &Path, error: &io::Error) -> TargetError {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => misconfigured(
            format!("the directory {path} does not exist"),
            "create it with the owner and mode that its server needs: the deployer makes no directories",
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

/// An error of the file system, said so that somebody can mend it.
pub fn trouble(doing: &str, path: &Path, error: &io::Error) -> TargetError {
    let path = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => denied(
            format!("{} may not {doing} {path}: permission denied", myself()),
            &format!(
                "let {} {doing} {path}, or run the deployer as a user that may",
                myself()
            ),
        ),
        ErrorKind::ReadOnlyFilesystem => denied(
            format!("{path} cannot be changed: its file system is mounted read-only"),
            "mount it writable for the deployer",
        ),
        _ => TargetError::Unavailable {
            what: format!("could not {doing} {path}: {error}"),
        },
    }
}

/// Numbers of user and group; absent: as the deployer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ownership {
    pub user: Option<u32>,
    pub group: Option<u32>,
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |id: Option<u32>| id.map_or_else(|| "the deployer's own".to_owned(), |id| id.to_string());
        write!(f, "user {}, group {}", number(self.user), number(self.group))
    }
}

pub fn ownership(target: &FileTarget) -> Result<Ownership, TargetError> {
    let by_user = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    let by_group = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    Ok(Ownership {
        user: target
            .owner
            .as_deref()
            .map(|name| number("owner", name, by_user))
            .transpose()?,
        group: target
            .group
            .as_deref()
            .map(|name| number("group", name, by_group))
            .transpose()?,
    })
}

fn number(field: &str, name: &str, known: impl FnOnce(&str) -> nix::Result<Option<u32>>) -> Result<u32, TargetError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match known(name) {
        Ok(Some(number)) => Ok(number),
        Ok(None) => {
            let what = format!("{field}: this machine knows no {name:?}");
            Err(misconfigured(
                what,
                "create it here, or give another name or a number in the policy's target",
            ))
        }
        Err(e) => Err(TargetError::Unavailable {
            what: format!("{field}: {name:?} could not be looked up: {e}"),
        }),
    }
}

/// The user that lacks a permission, as an administrator knows it.
fn myself() -> String {
    let id = geteuid();
    let name = User::from_uid(id)
        .ok()
        .flatten()
        .map_or_else(String::new, |user| format!(" ({})", user.name));
    format!("user {id}{name}")
}

fn misconfigured(what: String, remedy: &str) -> TargetError {
    TargetError::Misconfigured {
        what,
        remedy: remedy.to_owned(),
    }
}

fn denied(what: String, remedy: &str) -> TargetError {
    TargetError::Denied {
        what,
        remedy: remedy.to_owned(),
    }
}

//! Errors of the file system, worded so that an administrator can fix them.

use std::io::{self, ErrorKind};
use std::path::Path;

use nix::unistd::{User, geteuid};

use crate::targets::TargetError;

pub fn trouble(doing: &str, path: &Path, error: &io::Error) -> TargetError {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => denied(
            format!("{} may not {doing} {shown}: permission denied", myself()),
            &format!(
                "let {} {doing} {shown}, or run the deployer as a user that may",
                myself()
            ),
        ),
        ErrorKind::ReadOnlyFilesystem => denied(
            format!("{shown} cannot be changed: its file system is mounted read-only"),
            "mount it writable for the deployer",
        ),
        ErrorKind::ResourceBusy => misconfigured(
            format!(
                "{shown} is a mount of its own (a single file that was mounted into a container): it cannot be replaced"
            ),
            &format!("mount its directory {} instead of the file", parent(path)),
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => TargetError::Unavailable {
            what: format!("could not {doing} {shown}: the disk is full, or the quota of its user is used up ({error})"),
        },
        _ => TargetError::Unavailable {
            what: format!("could not {doing} {shown}: {error}"),
        },
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

/// The user that lacks a permission, as an administrator knows it.
pub fn myself() -> String {
    let id = geteuid();
    let name = User::from_uid(id)
        .ok()
        .flatten()
        .map_or_else(String::new, |user| format!(" ({})", user.name));
    format!("user {id}{name}")
}

pub fn misconfigured(what: String, remedy: &str) -> TargetError {
    TargetError::Misconfigured {
        what,
        remedy: remedy.to_owned(),
    }
}

pub fn denied(what: String, remedy: &str) -> TargetError {
    TargetError::Denied {
        what,
        remedy: remedy.to_owned(),
    }
}

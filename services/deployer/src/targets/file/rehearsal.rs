//! What an installation would need, tried without one.
//!
//! In: a target. Out: one check per need; each fault is shown where it is, all of them at once. Never: a file that
//! stays: what is written to try a permission has another name, is empty and is removed.

use std::path::PathBuf;

use domain::run::Check;
use domain::target::FileTarget;
use rustix::fs::statvfs;

use super::atomic::{Manner, Staged};
use super::place::{self, Place, trouble};
use super::{chain_bits, content, former, key_bits};
use crate::targets::{TargetError, reload};

/// A chain, a key and their backups are a few kilobytes each.
const ROOM: u64 = 1 << 20;

pub fn rehearse(target: &FileTarget, roots: &[PathBuf]) -> Vec<Check> {
    let ownership = place::ownership(target);
    // An unknown owner is a cross already, and must not hide what is wrong with the paths.
    let own = ownership.clone().unwrap_or_default();
    let bits = key_bits(target);
    let mut checks = vec![check("the owner exists", ownership.map(|o| o.to_string()))];
    let files = [
        ("chain", &target.chain_path, bits.clone().map(chain_bits)),
        ("key", &target.key_path, bits),
    ];
    let places = files.map(|(what, path, bits)| {
        let manner = bits.map(|bits| Manner { bits, ownership: own });
        let (place, found) = place_of(what, path, (roots, manner));
        checks.extend(found);
        place
    });
    if let [Some(chain), Some(key)] = &places {
        checks.push(what_is_there(chain, key));
    }
    if let Some(reload) = &target.reload {
        let program = reload::program(reload).map(|path| format!("{} can be run", path.display()));
        checks.push(check("the reload program can be run", program));
    }
    checks
}

fn place_of(
    what: &str,
    path: &str,
    (roots, manner): (&[PathBuf], Result<Manner, TargetError>),
) -> (Option<Place>, Vec<Check>) {
    let place = match Place::locate(path, roots) {
        Ok(place) => place,
        Err(error) => {
            let cross = check(&format!("the directory of the {what} exists"), Err(error));
            return (None, vec![cross]);
        }
    };
    let exists = Check::tick(
        format!("the directory of the {what} exists"),
        place.directory().display().to_string(),
    );
    let written = manner.and_then(|manner| written(&place, manner));
    let checks = vec![
        exists,
        check(&format!("the {what} can be written"), written),
        check(&format!("there is room for the {what}"), room(&place)),
    ];
    (Some(place), checks)
}

/// The same steps as an installation up to the rename, with an empty file.
fn written(place: &Place, manner: Manner) -> Result<String, TargetError> {
    place.check_writable()?;
    drop(Staged::write(place, manner, b"")?);
    // What cannot be read cannot be kept for a rollback.
    content(place.file())?;
    Ok(format!("{}, mode {:04o}", place.file().display(), manner.bits))
}

fn room(place: &Place) -> Result<String, TargetError> {
    let directory = place.directory();
    let about = statvfs(directory).map_err(|e| trouble("measure", directory, &e.into()))?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    // Some file systems have no fixed number of files.
    let files_left = about.f_files == 0 || about.f_favail > 0;
    if free >= ROOM && files_left {
        return Ok(format!("{} MiB are free", free >> 20));
    }
    Err(TargetError::Unavailable {
        what: format!(
            "{} is on a full disk: {free} bytes and {} files are left",
            directory.display(),
            about.f_favail
        ),
    })
}

/// Advisory: a first installation has nothing to go back to, and is good all the same.
fn what_is_there(chain: &Place, key: &Place) -> Check {
    let name = "what is there now could be put back";
    match former::pair(chain.file(), key.file()) {
        Ok(Ok(former)) => Check::tick(name, format!("{}, good until {}", former.leaf, former.not_after)),
        Ok(Err(why)) => Check::cross(name, why),
        Err(error) => Check::cross(name, error.to_string()),
    }
    .advisory()
}

fn check(name: &str, found: Result<String, TargetError>) -> Check {
    match found {
        Ok(evidence) => Check::tick(name, evidence),
        Err(TargetError::Misconfigured { what, remedy } | TargetError::Denied { what, remedy }) => {
            Check::cross(name, format!("{what}; {remedy}"))
        }
        Err(other) => Check::cross(name, other.to_string()),
    }
}

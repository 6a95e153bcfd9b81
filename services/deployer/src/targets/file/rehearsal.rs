//! What an installation would need, tried without one.
//!
//! In: a target. Out: one check per need; each fault is shown where it is, all of them at once.
//! Never: a file that stays: what is written to try a permission is removed; what is in place is
//! there afterwards, the very same file.

use domain::counted;
use domain::run::Check;
use rustix::fs::fstatvfs;

use super::atomic::Staged;
use super::location::FileLocation;
use super::looks::{Manner, Said};
use super::present::Present;
use super::trouble::trouble;
use super::{Asked, Files, former, guard};
use crate::certificate::Chain;
use crate::targets::{TargetError, check};

/// A chain, a key and their backups are a few kilobytes each.
const ROOM: u64 = 1 << 20;

pub fn rehearse(asked: &Asked) -> Vec<Check> {
    let said = Said::by(&asked.target);
    let owner = said.clone().map(|said| said.to_string());
    let mut checks = vec![check("the owner exists", owner)];
    // An unknown owner is a cross already, and must not hide what is wrong with the paths.
    let said = said.unwrap_or_default();
    let mut try_one = |what, path, manner: &dyn Fn(Option<&Present>) -> Manner| {
        let (found, tried) = place_of(what, path, asked, manner);
        checks.extend(tried);
        found
    };
    let target = &asked.target;
    let chain = try_one("chain", &target.chain_path, &|there| {
        said.chain(there.map(|one| &one.looks))
    });
    let key = try_one("key", &target.key_path, &|there| said.key(there.map(|one| &one.looks)));
    if let (Some((chain, chain_there)), Some((key, key_there))) = (chain, key) {
        let may = guard::check(&key, key_there.as_ref(), &chain, chain_there.as_ref());
        checks.push(check(
            "what is there may be replaced",
            may.map(|()| "a pair in PEM, or nothing".to_owned()),
        ));
        let files = Files { chain, key, said };
        checks.push(check(
            "no other policy puts its certificate there",
            ours(&files, chain_there.as_ref(), asked),
        ));
        checks.push(what_is_there(&files));
    }
    checks
}

/// How a file would be written, decided by what is there.
type MannerOf<'a> = dyn Fn(Option<&Present>) -> Manner + 'a;

type Tried = (Option<(FileLocation, Option<Present>)>, Vec<Check>);

fn place_of(what: &str, path: &str, asked: &Asked, manner: &MannerOf<'_>) -> Tried {
    let place = match FileLocation::locate(path, &asked.roots) {
        Ok(place) => place,
        Err(error) => {
            let cross = check(&format!("the directory of the {what} exists"), Err(error));
            return (None, vec![cross]);
        }
    };
    let exists = Check::tick(
        format!("the directory of the {what} exists"),
        place.directory().path().display().to_string(),
    );
    // What cannot be read cannot be kept for a rollback.
    let (there, written) = match Present::read(&place) {
        Ok(there) => {
            let written = written(&place, &manner(there.as_ref()), there.as_ref());
            (there, written)
        }
        Err(error) => (None, Err(error)),
    };
    let checks = vec![
        exists,
        check(&format!("the {what} can be written"), written),
        check(&format!("there is room for the {what}"), room(&place)),
    ];
    (Some((place, there)), checks)
}

/// Carries out the steps of an installation with an empty file; and its rename, with a copy of what
/// is there.
fn written(place: &FileLocation, manner: &Manner, there: Option<&Present>) -> Result<String, TargetError> {
    place.check_writable()?;
    place.check_replaceable()?;
    let empty = Staged::write(place, manner, b"")?;
    match there {
        None => empty.try_commit(false)?,
        Some(there) => match Staged::write(place, &there.looks.same(), &there.content) {
            Ok(copy) => copy.try_commit(true)?,
            // Without the right to make one that looks the same nothing is put in its place, not
            // even for a moment.
            Err(TargetError::Denied { .. }) => {}
            Err(error) => return Err(error),
        },
    }
    let shown = place.file().display();
    Ok(match (there, manner.difference()) {
        (_, Some(difference)) => format!("{shown}, {manner}: {difference}"),
        (Some(_), None) => format!("{shown}, {manner}, as it is now"),
        (None, None) => format!("{shown}, {manner}"),
    })
}

fn room(place: &FileLocation) -> Result<String, TargetError> {
    let directory = place.directory();
    let about = fstatvfs(directory).map_err(|e| trouble("measure", directory.path(), &e.into()))?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    // Some file systems have no fixed number of files.
    let files_left = about.f_files == 0 || about.f_favail > 0;
    if free >= ROOM && files_left {
        return Ok(format!("{} MiB are free", free >> 20));
    }
    Err(TargetError::Unavailable {
        what: format!(
            "{} is on a full disk: left are {} and {}",
            directory.path().display(),
            counted(free, "byte"),
            counted(about.f_favail, "file")
        ),
    })
}

fn ours(files: &Files, chain: Option<&Present>, asked: &Asked) -> Result<String, TargetError> {
    let in_place = chain.and_then(|there| Chain::read(&there.content).ok()?.facts().ok());
    for place in [&files.key, &files.chain] {
        asked.claimant.check(place, in_place.as_ref())?;
    }
    Ok("no mark of another one is there".to_owned())
}

/// Advisory: a first installation has nothing to go back to, and is good all the same.
fn what_is_there(files: &Files) -> Check {
    let name = "what is there now could be put back";
    match former::pair(&files.chain, &files.key) {
        Ok(Ok(former)) => Check::tick(name, format!("{}, good until {}", former.leaf, former.not_after)),
        Ok(Err(why)) => Check::cross(name, why),
        Err(error) => Check::cross(name, error.to_string()),
    }
    .advisory()
}

//! What a run found at its first installation: what it was, and the way back to it.
//!
//! In: the backups of the run. Out: what was there, in its old place. Never: what is in place *now*
//! as an answer to what was there before: an earlier attempt may have written it.

use domain::certificate::Fingerprint;
use domain::run::Former;
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::Files;
use super::atomic::Staged;
use super::backup::{Before, Keeping};
use super::location::FileLocation;
use super::present::content;
use super::trouble::trouble;
use crate::certificate::Chain;
use crate::targets::{Backup, Replaced, TargetError};

/// What this run has kept so far.
pub fn read_backup(files: &Files, keeping: &Keeping) -> Result<Backup, TargetError> {
    let before = before(files, keeping)?;
    let backups = before.iter().filter_map(|one| match one {
        Before::File(backup) => Some(backup.file().display().to_string()),
        Before::Absent | Before::Unknown => None,
    });
    Ok(Backup {
        backups: backups.collect(),
        former: former(&before)?.ok(),
        changes: Vec::new(),
    })
}

/// The key first, as everywhere.
pub fn before(files: &Files, keeping: &Keeping) -> Result<[Before; 2], TargetError> {
    Ok([keeping.find(&files.key)?, keeping.find(&files.chain)?])
}

/// A certificate with its key in two files; or one whose server has its key elsewhere; or why it is
/// none.
fn former([key, chain]: &[Before; 2]) -> Result<Result<Former, String>, TargetError> {
    match (chain, key) {
        (Before::File(chain), Before::File(key)) => pair(chain, key),
        (Before::File(chain), Before::Absent) => alone(chain),
        (_, _) => Ok(Err("one of the two is missing".to_owned())),
    }
}

pub fn pair(chain: &FileLocation, key: &FileLocation) -> Result<Result<Former, String>, TargetError> {
    match (content(chain)?, content(key)?) {
        (Some(chain), Some(key)) => Ok(read(&chain, Some(&key))),
        (Some(chain), None) => Ok(read(&chain, None)),
        (None, _) => Ok(Err("no certificate is there".to_owned())),
    }
}

fn alone(chain: &FileLocation) -> Result<Result<Former, String>, TargetError> {
    let chain = content(chain)?;
    Ok(chain.map_or_else(|| Err("it is gone".to_owned()), |chain| read(&chain, None)))
}

fn read(chain: &[u8], key: Option<&[u8]>) -> Result<Former, String> {
    let chain = Chain::read(chain).map_err(|e| format!("the chain is unusable: {e}"))?;
    if let Some(key) = key {
        chain
            .fits(key)
            .map_err(|e| format!("the key does not belong to the chain: {e}"))?;
    }
    Ok(Former {
        leaf: chain.leaf().clone(),
        not_after: chain.facts()?.not_after,
    })
}

pub fn put_back(files: &Files, replaced: &Replaced, keeping: &Keeping) -> Result<(), TargetError> {
    let in_place = pair(&files.chain, &files.key)?;
    if in_place.as_ref().is_ok_and(|found| found.leaf == replaced.former) {
        // By an earlier attempt, which may have died before the disk had it; or by hand because
        // what was kept is gone.
        return files.sync();
    }
    let before = before(files, keeping)?;
    if let Err(why) = check_kept(&before, &replaced.former, files, keeping)? {
        let now = now_there(&in_place, replaced);
        let what = format!("{why}; {now}");
        return Err(TargetError::Lost { what });
    }
    check_ours(files, replaced)?;
    let [key, chain] = &before;
    let key = staged(key, &files.key, files)?;
    let chain = staged(chain, &files.chain, files)?;
    match key {
        Some(key) => key.commit()?,
        None => remove(&files.key)?,
    }
    if let Some(chain) = chain {
        chain.commit()?;
    }
    files.sync()
}

/// The old file under another name beside its place; nothing where none was there.
pub fn staged(before: &Before, place: &FileLocation, files: &Files) -> Result<Option<Staged>, TargetError> {
    match before {
        Before::File(backup) => Staged::twin(backup, place, &files.otherwise(place)).map(Some),
        Before::Absent | Before::Unknown => Ok(None),
    }
}

/// The key that this run has put where none was.
pub fn remove(place: &FileLocation) -> Result<(), TargetError> {
    match unlinkat(place.directory(), place.name(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(trouble("remove", place.file(), &e.into())),
    }
}

fn check_kept(
    before: &[Before; 2],
    wanted: &Fingerprint,
    files: &Files,
    keeping: &Keeping,
) -> Result<Result<(), String>, TargetError> {
    let why = match former(before)? {
        Ok(found) if found.leaf == *wanted => return Ok(Ok(())),
        Ok(found) => format!("they hold {}", found.leaf),
        Err(why) => why,
    };
    let shown = |before: &Before, place: &FileLocation| match before {
        Before::File(backup) => backup.file().display().to_string(),
        Before::Absent | Before::Unknown => keeping.shown(place),
    };
    let [key, chain] = before;
    Ok(Err(format!(
        "{wanted} cannot be put back from {} and {}: {why}",
        shown(chain, &files.chain),
        shown(key, &files.key)
    )))
}

/// What a person finds there who looks now.
fn now_there(in_place: &Result<Former, String>, replaced: &Replaced) -> String {
    match in_place {
        Ok(found) if found.leaf == replaced.installed => {
            format!(
                "in place now is what this run installed, {}, good until {}",
                found.leaf, found.not_after
            )
        }
        Ok(found) => format!(
            "in place now is another certificate with its key, {}, good until {}",
            found.leaf, found.not_after
        ),
        Err(why) => format!("what is in place now is of no use to a server: {why}"),
    }
}

/// A file that holds no certificate is no reason to stop: no server can serve it.
fn check_ours(files: &Files, replaced: &Replaced) -> Result<(), TargetError> {
    let in_place = content(&files.chain)?;
    let Some(Ok(chain)) = in_place.map(|file| Chain::read(&file)) else {
        return Ok(());
    };
    if [&replaced.former, &replaced.installed].contains(&chain.leaf()) {
        return Ok(());
    }
    Err(TargetError::Changed {
        what: format!(
            "{} holds {} now, which this run did not install: it is left alone",
            files.chain.file().display(),
            chain.leaf()
        ),
    })
}

//! Takes back an installation that its server has refused.
//!
//! In: the backups of the run. Out: both files as the run found them: the same file under its old
//! name, or none where there was none. Never: a file that another process has put there since, or
//! that was there before the run.

use super::Files;
use super::atomic::Staged;
use super::backup::{Before, Keeping};
use super::former::{before, remove, staged};
use super::present::content;
use crate::certificate::Chain;
use crate::targets::{PutBack, Refused, TargetError};

pub fn take_back(files: &Files, refused: &Refused, keeping: &Keeping) -> Result<PutBack, TargetError> {
    let found = before(files, keeping)?;
    let kept = found.iter().any(|one| matches!(one, Before::File(_)));
    if !kept && !refused.just_written {
        return Ok(PutBack::WasThereBefore);
    }
    let [key, chain] = &found;
    check_ours(files, refused, chain)?;
    // Both are written before anything is renamed: key and chain go together.
    let written: [Option<Staged>; 2] = [staged(key, &files.key, files)?, staged(chain, &files.chain, files)?];
    for (former, place) in written.into_iter().zip(files.both()) {
        match former {
            Some(former) => former.commit()?,
            None => remove(place)?,
        }
    }
    files.sync()?;
    Ok(PutBack::Done)
}

/// The chain in place is the one that was installed, or what was there before already.
fn check_ours(files: &Files, refused: &Refused, before: &Before) -> Result<(), TargetError> {
    let Some(in_place) = content(&files.chain)? else {
        return Ok(());
    };
    let Ok(chain) = Chain::read(&in_place) else {
        return Ok(());
    };
    if *chain.leaf() == refused.installed {
        return Ok(());
    }
    let kept = match before {
        Before::File(backup) => content(backup)?,
        Before::Absent | Before::Unknown => None,
    };
    if kept.is_some_and(|kept| *kept == *in_place) {
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

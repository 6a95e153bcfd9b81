//! What a run found at its first installation: what it was, and the way back to it.
//!
//! In: the backups of the run. Out: a certificate with its key in its old place. Never: what is in place *now* as an
//! answer to what was there before: an earlier attempt may have written it.

use std::path::Path;

use domain::certificate::Fingerprint;
use domain::run::Former;

use super::atomic::Staged;
use super::backup::Keeping;
use super::{Files, content};
use crate::certificate::Chain;
use crate::targets::{Kept, Replaced, TargetError};

/// What this run has kept so far.
pub fn kept(files: &Files, keeping: &Keeping) -> Result<Kept, TargetError> {
    let paths = files.both().map(|(place, _)| keeping.find(place));
    let former = match &paths {
        [Some(key), Some(chain)] => pair(chain, key)?.ok(),
        [_, _] => None,
    };
    Ok(Kept {
        backups: paths
            .into_iter()
            .flatten()
            .map(|path| path.display().to_string())
            .collect(),
        former,
    })
}

/// A certificate with its key in two files, or why they are none.
pub fn pair(chain: &Path, key: &Path) -> Result<Result<Former, String>, TargetError> {
    let (Some(chain_pem), Some(key_pem)) = (content(chain)?, content(key)?) else {
        return Ok(Err("one of the two is missing".to_owned()));
    };
    Ok(read(&chain_pem, &key_pem))
}

fn read(chain: &[u8], key: &[u8]) -> Result<Former, String> {
    let chain = Chain::read(chain).map_err(|e| format!("the chain is unusable: {e}"))?;
    chain
        .fits(key)
        .map_err(|e| format!("the key does not belong to the chain: {e}"))?;
    Ok(Former {
        leaf: chain.leaf().clone(),
        not_after: chain.facts()?.not_after,
    })
}

pub fn put_back(files: &Files, replaced: &Replaced, keeping: &Keeping) -> Result<(), TargetError> {
    let [key, chain] = files.both().map(|(place, _)| keeping.path(place));
    check_kept(&chain, &key, &replaced.former)?;
    check_ours(files, replaced)?;
    let staged_key = Staged::twin(&key, &files.key, files.key_manner)?;
    let staged_chain = Staged::twin(&chain, &files.chain, files.chain_manner)?;
    staged_key.commit()?;
    staged_chain.commit()?;
    files.sync()
}

fn check_kept(chain: &Path, key: &Path, former: &Fingerprint) -> Result<(), TargetError> {
    let why = match pair(chain, key)? {
        Ok(found) if found.leaf == *former => return Ok(()),
        Ok(found) => format!("they hold {}", found.leaf),
        Err(why) => why,
    };
    Err(TargetError::Lost {
        what: format!(
            "{former} cannot be put back from {} and {}: {why}",
            chain.display(),
            key.display()
        ),
    })
}

/// A file that holds no certificate is no reason to stop: no server can serve it.
fn check_ours(files: &Files, replaced: &Replaced) -> Result<(), TargetError> {
    let in_place = content(files.chain.file())?;
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

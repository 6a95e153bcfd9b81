//! Whether the engines work: Postgres answers and can write, NATS answers and stores, the disk
//! under them has room.
//!
//! In: the engines. Out: a word for each, and sentences for people. Never: a path, a host or a
//! login: who asks has none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::health::EngineWord;
use bus::Bus;
use rustix::fs::statvfs;
use store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::Disk;

const PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries whether Postgres can write: each writes some MiB.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);
/// With less an engine that needs a new file gets none.
const FULL_MIB: u64 = 16;

/// What was found, and what there is to say of it.
pub(crate) struct Found {
    pub(crate) database: EngineWord,
    pub(crate) nats: EngineWord,
    pub(crate) disk: EngineWord,
    pub(crate) problems: Vec<String>,
}

/// What is remembered from one look to the next. All clones share it.
#[derive(Clone, Default)]
pub(crate) struct Engines {
    disk: Option<Disk>,
    tried: Arc<Mutex<Option<Tried>>>,
}

/// One try to write to Postgres' disk.
struct Tried {
    at: Instant,
    /// Why it could not; absent where it could.
    refused: Option<String>,
}

impl Engines {
    pub(crate) fn new(disk: Option<Disk>) -> Self {
        Self {
            disk,
            tried: Arc::default(),
        }
    }

    pub(crate) async fn look(&self, store: &Store, bus: &Bus) -> Found {
        let mut problems = Vec::new();
        let (database, nats) = tokio::join!(self.database(store), nats(bus));
        let disk = self
            .disk
            .as_ref()
            .map_or((EngineWord::Ok, None), |disk| room(free_mib(&disk.path), disk.low_mib));
        problems.extend([database.1, disk.1].into_iter().flatten());
        problems.extend(nats.1);
        Found {
            database: database.0,
            nats: nats.0,
            disk: disk.0,
            problems,
        }
    }

    async fn database(&self, store: &Store) -> (EngineWord, Option<String>) {
        match tokio::time::timeout(PATIENCE, store.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return (EngineWord::Down, Some("Postgres does not answer".to_owned())),
        }
        match self.full(store).await {
            None => (EngineWord::Ok, None),
            Some(said) => (
                EngineWord::Full,
                Some(format!("Postgres cannot write: {said}; make room on its disk")),
            ),
        }
    }

    /// As it was at the last try, if that was just now. A try that fails otherwise says nothing
    /// about the disk.
    async fn full(&self, store: &Store) -> Option<String> {
        let mut tried = self.tried.lock().await;
        if let Some(last) = tried.as_ref().filter(|last| last.at.elapsed() < BETWEEN_TRIES) {
            // A full disk is looked at again and again: an administrator waits for it to have room.
            if last.refused.is_none() || last.at.elapsed() < Duration::from_secs(1) {
                return last.refused.clone();
            }
        }
        let answer = tokio::time::timeout(PATIENCE, store.full()).await;
        let refused = answer.ok().and_then(Result::ok).flatten();
        *tried = Some(Tried {
            at: Instant::now(),
            refused: refused.clone(),
        });
        refused
    }
}

/// The second: sentences, also of what is no fault of NATS.
async fn nats(bus: &Bus) -> (EngineWord, Vec<String>) {
    if !bus.is_connected() {
        return (EngineWord::Down, vec!["NATS does not answer".to_owned()]);
    }
    let Ok(conditions) = bus.conditions().await else {
        return (
            EngineWord::Ok,
            vec!["no planner answers: nothing is renewed now".to_owned()],
        );
    };
    let word = if conditions.nats.is_some() {
        EngineWord::Failing
    } else {
        EngineWord::Ok
    };
    (word, [conditions.nats, conditions.runs].into_iter().flatten().collect())
}

fn free_mib(path: &Path) -> Option<u64> {
    let seen = statvfs(path).ok()?;
    Some(seen.f_bavail.saturating_mul(seen.f_frsize) >> 20)
}

fn room(free: Option<u64>, low_mib: u64) -> (EngineWord, Option<String>) {
    let Some(free) = free else {
        return (EngineWord::Unknown, None);
    };
    let said = format!("{free} MiB are free on the disk of NATS and Postgres, and {low_mib} MiB should be: make room");
    match free {
        free if free < FULL_MIB => (EngineWord::Full, Some(said)),
        free if free < low_mib => (EngineWord::Low, Some(said)),
        _ => (EngineWord::Ok, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_low_before_it_is_full_and_says_both_numbers() {
        let (word, said) = room(Some(100), 512);
        let said = said.expect("a sentence");
        assert_eq!(word, EngineWord::Low);
        assert!(said.contains("100 MiB") && said.contains("512 MiB"), "{said}");
        assert_eq!(room(Some(15), 512).0, EngineWord::Full);
        assert_eq!(room(Some(512), 512), (EngineWord::Ok, None));
        assert_eq!(room(None, 512).0, EngineWord::Unknown);
    }
}

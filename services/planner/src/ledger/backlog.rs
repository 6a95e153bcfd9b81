//! What has been out for long: how many orders of each lane, and how many lie at NATS undelivered, per service that works.
//!
//! An order that has been out for long may hang with its host, or may wait for a worker that is busy or dead. Only the first
//! kind is given a place of its own (`pace`). Where many hang they are counted here, once a second, and not in every
//! transaction of the ledger.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::Bus;
use domain::Timestamp;
use domain::clock::Clock;
use domain::lane::Pool;
use protocol::subjects::Worker;
use store::{LaneRoom, Store};
use tokio_util::sync::CancellationToken;
use tracing::warn;

const EVERY: Duration = Duration::from_secs(1);
/// Fewer are counted where they count, and exactly.
const MANY: i64 = 256;

/// One look.
#[derive(Debug, Clone)]
pub(crate) struct OutForLong {
    /// Only what went out before was counted, and need not be counted again.
    pub(crate) before: Timestamp,
    pub(crate) slow: Vec<LaneRoom>,
    /// By service. Of one that is not in here, anything may lie undelivered.
    pub(crate) undelivered: HashMap<Worker, i64>,
}

impl OutForLong {
    /// Nothing was counted.
    pub(crate) fn nothing() -> Self {
        Self {
            before: Timestamp::EPOCH,
            slow: Vec::new(),
            undelivered: HashMap::new(),
        }
    }
}

pub(crate) struct Backlog {
    store: Store,
    bus: Bus,
    clock: Arc<dyn Clock>,
    slow_after: Duration,
    seen: Mutex<Arc<OutForLong>>,
    wanted: AtomicBool,
}

impl Backlog {
    pub(crate) fn new(store: Store, bus: Bus, slow_after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            bus,
            clock,
            slow_after,
            seen: Mutex::new(Arc::new(OutForLong::nothing())),
            wanted: AtomicBool::new(false),
        }
    }

    /// As it was a second ago.
    pub(crate) fn seen(&self) -> Arc<OutForLong> {
        Arc::clone(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Since when an order must be out to count as quick.
    pub(crate) fn quick_since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.slow_after)
    }

    /// Something has been out for long: it is worth a look.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Keeps what is seen fresh, until `stop`.
    pub(crate) async fn watch(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        while chassis::pause(EVERY, stop).await.is_some() {
            let wanted = self.wanted.swap(false, Ordering::Relaxed);
            let seen = if wanted || !self.seen().slow.is_empty() {
                self.look().await
            } else {
                OutForLong::nothing()
            };
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(seen);
        }
        Ok(())
    }

    /// What cannot be counted now counts as not hanging.
    async fn look(&self) -> OutForLong {
        let before = self.quick_since(self.clock.now());
        let slow = match self.store.out_before(before).await {
            Ok(slow) => slow,
            Err(error) => {
                warn!(%error, "orders that are out for long cannot be counted; trying again");
                return OutForLong::nothing();
            }
        };
        let looks = Worker::ALL.map(async |worker| (worker, self.bus.undelivered(worker).await));
        let mut undelivered = HashMap::new();
        for (worker, looked) in futures::future::join_all(looks).await {
            match looked {
                Ok(orders) => drop(undelivered.insert(worker, i64::try_from(orders).unwrap_or(i64::MAX))),
                Err(error) => warn!(%error, %worker, "its undelivered orders cannot be counted; trying again"),
            }
        }
        let many = slow.iter().map(|room| room.out).sum::<i64>() >= MANY;
        let counted = if many {
            OutForLong {
                before,
                slow,
                ..OutForLong::nothing()
            }
        } else {
            OutForLong::nothing()
        };
        OutForLong { undelivered, ..counted }
    }
}

/// Who carries out the orders of a pool.
pub(crate) fn worker(pool: &Pool) -> Worker {
    match pool {
        Pool::KeySigner => Worker::KeySigner,
        Pool::Ca(_) | Pool::Tidy => Worker::Issuer,
        Pool::Deployer => Worker::Deployer,
        Pool::Verifier => Worker::Verifier,
        Pool::Incident => Worker::Incident,
    }
}

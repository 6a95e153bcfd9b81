//! How many orders lie at NATS undelivered, per service that works: what is out and not there is in a worker's hands.
//!
//! An order that has been out for long may hang with its host, or may wait for a worker that is busy or dead. Only the first
//! kind is given a place of its own (`pace`). The server is asked only while something has been out for long.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bus::Bus;
use domain::lane::Pool;
use protocol::subjects::Worker;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// A question costs the server something: not more often than this.
const EVERY: Duration = Duration::from_secs(1);

/// Undelivered orders by service. A service that is not in here was not asked about: nothing of it counts as in hand.
pub(crate) type Undelivered = HashMap<Worker, i64>;

pub(crate) struct Backlog {
    bus: Bus,
    seen: Mutex<Undelivered>,
    wanted: AtomicBool,
}

impl Backlog {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            bus,
            seen: Mutex::default(),
            wanted: AtomicBool::new(false),
        }
    }

    /// As it was a second ago at most.
    pub(crate) fn seen(&self) -> Undelivered {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something has been out for long: the next look is worth its price.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Keeps what is seen fresh, until `stop`.
    pub(crate) async fn watch(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let seen = if self.wanted.swap(false, Ordering::Relaxed) {
                self.look().await
            } else {
                Undelivered::new()
            };
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
        Ok(())
    }

    async fn look(&self) -> Undelivered {
        let looks = Worker::ALL.map(async |worker| (worker, self.bus.undelivered(worker).await));
        let mut seen = Undelivered::new();
        for (worker, looked) in futures::future::join_all(looks).await {
            match looked {
                Ok(orders) => drop(seen.insert(worker, i64::try_from(orders).unwrap_or(i64::MAX))),
                Err(error) => warn!(%error, %worker, "its undelivered orders cannot be counted; trying again"),
            }
        }
        seen
    }
}

/// Who carries out the orders of a pool.
pub(crate) fn worker(pool: Pool) -> Worker {
    match pool {
        Pool::KeySigner => Worker::KeySigner,
        Pool::Ca(_) | Pool::Tidy => Worker::Issuer,
        Pool::Deployer => Worker::Deployer,
        Pool::Verifier => Worker::Verifier,
        Pool::Incident => Worker::Incident,
    }
}

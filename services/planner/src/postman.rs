//! Publishes what the ledger committed, and remembers it until the rows are marked.
//!
//! A row that is marked too late is published twice, which is harmless; a row that is never marked is published
//! again by the timekeeper. Marking waits a moment on purpose: most orders are answered before it, and then there is
//! nothing to mark.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Bus;
use bus::inbox::Delivery;
use domain::run::Status;
use domain::{HostId, RunId};
use protocol::direct_reply::Current;
use protocol::event::RunEvent;
use protocol::order::{Order, Spec};
use protocol::report::Report;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::warn;

const MARK_EVERY: Duration = Duration::from_millis(1_000);

#[derive(Default)]
pub(crate) struct Mail {
    pub orders: Vec<Order<Spec>>,
    /// For workers that wait.
    pub direct_replies: Vec<DirectReply>,
    pub events: Vec<RunEvent>,
    /// Hosts that are to be looked at before their runs begin.
    pub looks: Vec<HostId>,
    /// These runs stand elsewhere now: to mark the orders of their old places is not worth a statement any more.
    pub moved: Vec<RunId>,
    /// Statuses that were marked when the runs were saved.
    pub marked: HashMap<RunId, Status>,
}

/// For a worker that has reported: how its run goes on.
pub(crate) struct DirectReply {
    /// Where it has reported.
    pub subject: String,
    pub inbox: String,
    pub current: Current<Spec>,
}

#[derive(Clone)]
pub(crate) struct Postman {
    bus: Bus,
    store: Store,
    published: Arc<Mutex<Published>>,
}

#[derive(Default)]
struct Published {
    orders: HashMap<RunId, u32>,
    events: HashMap<RunId, Status>,
}

impl Postman {
    pub(crate) fn new(bus: Bus, store: Store) -> Self {
        Self {
            bus,
            store,
            published: Arc::default(),
        }
    }

    /// Publishes, pipelined. What fails stays unmarked in its row.
    pub(crate) async fn send(&self, mail: Mail) {
        let orders = if mail.orders.is_empty() {
            Vec::new()
        } else {
            self.bus.publish_orders(&mail.orders).await
        };
        let events = if mail.events.is_empty() {
            Vec::new()
        } else {
            self.bus.publish_events(&mail.events).await
        };
        if let Some(error) = orders.iter().chain(&events).find_map(|answer| answer.as_ref().err()) {
            warn!(%error, "not everything could be published; it is tried again");
        }
        for one in &mail.direct_replies {
            self.bus.reply(&one.subject, &one.inbox, &one.current).await;
        }
        let sent = mail.orders.iter().zip(&orders).filter(|(_, answer)| answer.is_ok());
        let sent = sent.map(|(order, _)| (order.run_id, order.attempt)).collect();
        let told = mail.events.iter().zip(&events).filter(|(_, answer)| answer.is_ok());
        let told = told.map(|(event, _)| (event.run_id, event.status)).collect();
        self.remember(&mail, sent, told);
    }

    /// Until their rows are marked: orders and events that were published, and what was answered directly.
    fn remember(&self, mail: &Mail, sent: Vec<(RunId, u32)>, told: Vec<(RunId, Status)>) {
        let mut published = self.lock();
        for run in &mail.moved {
            published.orders.remove(run);
        }
        for run in mail.marked.keys() {
            published.events.remove(run);
        }
        // The message that the worker has in flight brings back what does not reach it.
        let replied = mail.direct_replies.iter().filter_map(|one| match &one.current {
            Current::Order { order } => Some((order.run_id, order.attempt)),
            Current::Elsewhere | Current::Unknown { .. } => None,
        });
        published.orders.extend(replied.chain(sent));
        published.events.extend(told);
    }

    /// A report that says what its sender may not say.
    pub(crate) async fn bury(&self, report: &Delivery<Report>, why: &str) {
        report.bury(&self.bus, why).await;
    }

    /// The statuses of these runs that are published and not marked yet. Whoever moves a run marks them by the way.
    pub(crate) fn published(&self, runs: &[RunId]) -> HashMap<RunId, Status> {
        let published = self.lock();
        let of = |run: &RunId| Some((*run, *published.events.get(run)?));
        runs.iter().filter_map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the rows of what was published, once a second, until `stop`.
    pub(crate) async fn mark_published(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        while chassis::pause(MARK_EVERY, stop).await.is_some() {
            self.mark().await;
        }
        self.mark().await;
        Ok(())
    }

    async fn mark(&self) {
        let done = std::mem::take(&mut *self.lock());
        let marked = async {
            if !done.orders.is_empty() {
                self.store.mark_sent(&Vec::from_iter(done.orders)).await?;
            }
            if !done.events.is_empty() {
                self.store.mark_announced(&Vec::from_iter(done.events)).await?;
            }
            Ok::<(), store::StoreError>(())
        };
        if let Err(error) = marked.await {
            warn!(%error, "published orders could not be marked; they are published once more");
        }
    }
}

//! The worker loop: orders in, handlers around, reports out. The settle table of the house, carried
//! out.
//!
//! Pulls exactly as many orders as there are free slots. One order, one report, then the
//! acknowledgement; a step that is saved on its way stays in flight (`direct_reply`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{AckKind, Message};
use domain::Invalid;
use domain::run::StepKind;
use futures::StreamExt;
use protocol::subjects::Worker;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span, warn};

use crate::clock::SystemClock;
use crate::connection::{Bus, BusError};
use crate::doubt::Doubt;
use crate::handler::StepHandler;
use crate::mail::step_of;
use crate::order_service::{OrderService, REPORT_IT, Settled, Shared, StepLocks, Typed};
use crate::panics::caught;
use crate::readers::{ACK_WAIT, Reader};
use crate::streams::StreamName;
use crate::trace;

const PULL: Duration = Duration::from_millis(900);
const AFTER_TROUBLE: Duration = Duration::from_millis(500);

pub struct Work {
    shared: Shared,
    kind: Worker,
    slots: usize,
    desks: HashMap<StepKind, Box<dyn OrderService>>,
}

/// The orders that a worker has in flight, each in a task of its own, and what stops them.
struct OrderTasks {
    slots: Arc<Semaphore>,
    running: TaskTracker,
    /// No further order is taken.
    soft: CancellationToken,
    /// What is in flight is given back.
    hard: CancellationToken,
}

impl Work {
    pub fn new(bus: Bus, worker: Worker, slots: usize) -> Self {
        let name = format!("{worker}/{}", std::process::id());
        let shared = Shared {
            bus,
            clock: Arc::new(SystemClock),
            worker: name,
            step_locks: StepLocks::default(),
            doubt: Doubt::default(),
        };
        Self {
            shared,
            kind: worker,
            slots: slots.max(1),
            desks: HashMap::new(),
        }
    }

    #[must_use]
    pub fn handles<H: StepHandler>(mut self, handler: H) -> Self {
        self.desks.insert(H::KIND, Box::new(Typed(handler)));
        self
    }

    /// Works until `soft`, finishes what is in flight, and leaves at once on `hard`.
    pub async fn run(self, soft: &CancellationToken, hard: &CancellationToken) -> Result<(), BusError> {
        let reader = Reader::orders(self.kind);
        // A server that is waited for holds up no stop: nothing is in flight yet.
        let Some(opened) = soft.run_until_cancelled(self.open(&reader)).await else {
            return Ok(());
        };
        let mut consumer = opened?;
        let place = self.shared.doubt.last_of_before(&self.shared.bus);
        if let Some(Err(error)) = soft.run_until_cancelled(place).await {
            warn!(%error, worker = %self.kind, "the place of the last order is looked up again with the first one");
        }
        let this = Arc::new(self);
        let orders = OrderTasks {
            slots: Arc::new(Semaphore::new(this.slots)),
            running: TaskTracker::new(),
            soft: soft.clone(),
            hard: hard.clone(),
        };
        loop {
            let free = wait_for_room(&orders.slots, soft).await;
            if free == 0 {
                break;
            }
            if let Err(error) = Arc::clone(&this).pull(&consumer, free, &orders).await {
                warn!(%error, worker = %this.kind, "cannot pull orders; trying again");
                let _ = chassis::pause(AFTER_TROUBLE, soft).await;
                match soft.run_until_cancelled(this.shared.bus.reopen(&reader)).await {
                    None => {}
                    Some(Ok(again)) => consumer = again,
                    Some(Err(error)) => warn!(%error, "the stream of orders cannot be opened"),
                }
            }
        }
        orders.running.close();
        orders.running.wait().await;
        this.shared.bus.flush().await
    }

    async fn open(&self, reader: &Reader) -> Result<PullConsumer, BusError> {
        self.shared.bus.apply_topology().await?;
        self.shared.bus.consumer(reader).await
    }

    /// One pull: every order that comes gets a slot and a task of its own.
    async fn pull(self: Arc<Self>, consumer: &PullConsumer, free: usize, orders: &OrderTasks) -> Result<(), BusError> {
        let pulling = consumer.batch().max_messages(free).expires(PULL).messages();
        let Some(pulled) = orders.soft.run_until_cancelled(pulling).await else {
            return Ok(());
        };
        let mut messages = pulled.map_err(BusError::unavailable)?;
        loop {
            let next = tokio::select! {
                next = messages.next() => next,
                () = self.shared.bus.stopped_and_away(&orders.soft) => None,
            };
            let Some(order) = next else { break };
            let message = order.map_err(BusError::unavailable)?;
            let slots = Arc::clone(&orders.slots);
            let slot = slots.acquire_owned().await.map_err(BusError::unavailable)?;
            let (this, hard) = (Arc::clone(&self), orders.hard.clone());
            orders.running.spawn(async move {
                this.settle(&message, &hard).await;
                drop(slot);
            });
        }
        Ok(())
    }

    async fn settle(&self, message: &Message, hard: &CancellationToken) {
        let span = info_span!("order", subject = %message.subject);
        trace::follow(&span, message.headers.as_ref());
        let served = self.serve(message).instrument(span);
        tokio::select! {
            settled = caught(served) => self.answer(message, settled.unwrap_or_else(Settled::Panicked)).await,
            () = hard.cancelled() => {
                if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                    warn!(%error, "an order could not be given back; it comes again after a while");
                }
            }
            () = keep_alive(message) => {}
        }
    }

    async fn serve(&self, message: &Message) -> Settled {
        let desk = step_of(&message.subject).and_then(|kind| self.desks.get(&kind));
        match desk {
            Some(desk) => desk.serve(&self.shared, message).await,
            None => {
                let step = message.subject.rsplit('.').next().unwrap_or_default();
                Settled::Unreadable(format!("{} carries out no step {step:?}", self.kind))
            }
        }
    }

    async fn answer(&self, message: &Message, settled: Settled) {
        match settled {
            Settled::Reported | Settled::Expired => {
                if let Err(error) = message.ack().await {
                    warn!(%error, "an order could not be acknowledged; it comes again");
                }
            }
            Settled::Silent => {}
            Settled::Unreadable(reason) => self.shared.bus.bury(StreamName::Orders, message, &reason).await,
            Settled::Panicked(panicked) => {
                let reason = Invalid::new("", panicked.to_string(), REPORT_IT);
                self.shared.bus.bury_as(StreamName::Orders, message, reason).await;
            }
        }
    }
}

/// Waits until a slot is free; gives how many are. 0 when stopped.
async fn wait_for_room(slots: &Semaphore, soft: &CancellationToken) -> usize {
    match soft.run_until_cancelled(slots.acquire()).await {
        Some(Ok(permit)) => {
            drop(permit);
            slots.available_permits().max(1)
        }
        Some(Err(_)) | None => 0,
    }
}

/// Says every third of the wait that the order is still in flight. Never ends.
#[expect(clippy::disallowed_methods, reason = "ends with the order that it keeps alive")]
async fn keep_alive(message: &Message) {
    loop {
        tokio::time::sleep(ACK_WAIT / 3).await;
        if let Err(error) = message.ack_with(AckKind::Progress).await {
            warn!(%error, "cannot say that an order is still in flight");
        }
    }
}

//! The worker loop: orders in, handlers around, reports out. The settle table of the house, carried out.
//!
//! Pulls exactly as many orders as there are free slots. One order, one report, then the acknowledgement; a step that is saved on
//! its way stays in hand (`handover`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{AckKind, Message};
use domain::clock::Clock;
use domain::disposition::Disposition;
use domain::run::{Mode, Outcome, Product, Rehearsal, Step, StepKind};
use domain::{RunId, Timestamp};
use futures::StreamExt;
use futures::future::BoxFuture;
use protocol::SCHEMA;
use protocol::order::Order;
use protocol::report::Report;
use protocol::subjects::Worker;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span, warn};

use crate::clock::SystemClock;
use crate::connection::{Bus, BusError};
use crate::doubt::Doubt;
use crate::handler::{Progress, StepContext, StepError, StepHandler};
use crate::handover::{Answers, Go, Next};
use crate::inbox::parse;
use crate::live::Telling;
use crate::topology::{ACK_WAIT, Reader, StreamName};
use crate::trace;

const PULL: Duration = Duration::from_millis(900);
const AFTER_TROUBLE: Duration = Duration::from_millis(500);

/// A handler behind one face, so that a service can have several.
trait Desk: Send + Sync {
    fn serve<'a>(&'a self, desk: &'a Shared, message: &'a Message) -> BoxFuture<'a, Settled>;
}

struct Typed<H>(H);

/// What every order of this process needs.
struct Shared {
    bus: Bus,
    clock: Arc<dyn Clock>,
    worker: String,
    turns: Turns,
    doubt: Doubt,
}

/// One at a time for each step of a run. An order may be delivered twice while the first is in hand: the second then
/// waits, and finds what the first has done. Two finalizations of one ACME order side by side can issue twice.
#[derive(Default)]
struct Turns(Mutex<HashMap<(RunId, Step), Weak<Turn>>>);

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    fn of(&self, run: RunId, step: Step) -> Arc<Turn> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = all.get(&(run, step)).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        all.insert((run, step), Arc::downgrade(&turn));
        turn
    }
}

/// How an order ended for JetStream; the settle table.
enum Settled {
    /// The report is in its stream.
    Reported,
    /// Replaced by a newer order already: nobody waits for it.
    Expired,
    /// No answer: it comes again after the wait.
    Silent,
    Unreadable(String),
}

pub struct Work {
    shared: Shared,
    kind: Worker,
    slots: usize,
    desks: HashMap<StepKind, Box<dyn Desk>>,
}

impl Work {
    pub fn new(bus: Bus, worker: Worker, slots: usize) -> Self {
        let name = format!("{worker}/{}", std::process::id());
        let shared = Shared {
            bus,
            clock: Arc::new(SystemClock),
            worker: name,
            turns: Turns::default(),
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

    /// Works until `soft`, finishes what is in hand, and leaves at once on `hard`.
    pub async fn run(self, soft: &CancellationToken, hard: &CancellationToken) -> Result<(), BusError> {
        self.shared.bus.apply_topology().await?;
        if let Err(error) = self.shared.doubt.last_of_before(&self.shared.bus).await {
            warn!(%error, worker = %self.kind, "the place of the last order is looked up again with the first one");
        }
        let reader = Reader::orders(self.kind);
        let mut consumer = self.shared.bus.consumer(&reader).await?;
        let (this, slots, running) = (Arc::new(self), Arc::new(Semaphore::new(0)), TaskTracker::new());
        slots.add_permits(this.slots);
        loop {
            let free = wait_for_room(&slots, soft).await;
            if free == 0 {
                break;
            }
            if let Err(error) = Arc::clone(&this).pull(&consumer, free, (&slots, &running, hard)).await {
                warn!(%error, worker = %this.kind, "cannot pull orders; trying again");
                let _ = soft.run_until_cancelled(tokio::time::sleep(AFTER_TROUBLE)).await;
                match this.shared.bus.reopen(&reader).await {
                    Ok(again) => consumer = again,
                    Err(error) => warn!(%error, "the stream of orders cannot be opened"),
                }
            }
        }
        running.close();
        running.wait().await;
        this.shared.bus.flush().await
    }

    /// One pull: every order that comes gets a slot and a task of its own.
    async fn pull(
        self: Arc<Self>,
        consumer: &PullConsumer,
        free: usize,
        (slots, running, hard): (&Arc<Semaphore>, &TaskTracker, &CancellationToken),
    ) -> Result<(), BusError> {
        let pulled = consumer.batch().max_messages(free).expires(PULL).messages().await;
        let mut orders = pulled.map_err(BusError::unavailable)?;
        while let Some(order) = orders.next().await {
            let message = order.map_err(BusError::unavailable)?;
            let slot = Arc::clone(slots).acquire_owned().await.map_err(BusError::unavailable)?;
            let (this, hard) = (Arc::clone(&self), hard.clone());
            running.spawn(async move {
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
            settled = served => self.answer(message, settled).await,
            () = hard.cancelled() => {
                if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                    warn!(%error, "an order could not be given back; it comes again after a while");
                }
            }
            () = keep_alive(message) => {}
        }
    }

    async fn serve(&self, message: &Message) -> Settled {
        let step = message.subject.rsplit('.').next().unwrap_or_default();
        let desk = StepKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == step)
            .and_then(|kind| self.desks.get(&kind));
        match desk {
            Some(desk) => desk.serve(&self.shared, message).await,
            None => Settled::Unreadable(format!("{} carries out no step {step:?}", self.kind)),
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

/// Says every third of the wait that the order is still in hand. Never ends.
async fn keep_alive(message: &Message) {
    loop {
        tokio::time::sleep(ACK_WAIT / 3).await;
        if let Err(error) = message.ack_with(AckKind::Progress).await {
            warn!(%error, "cannot say that an order is still in hand");
        }
    }
}

impl<H: StepHandler> Desk for Typed<H> {
    fn serve<'a>(&'a self, shared: &'a Shared, message: &'a Message) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            match parse::<Order<H::Spec>>(message) {
                Ok(order) => {
                    let in_doubt = shared.doubt.is_about(message, &shared.bus).await;
                    self.carry_out(shared, order, in_doubt).await
                }
                Err(reason) => Settled::Unreadable(reason),
            }
        })
    }
}

impl<H: StepHandler> Typed<H> {
    /// An order, and those of the same step that come straight into this hand when what the one before has reached is saved.
    async fn carry_out(&self, shared: &Shared, first: Order<H::Spec>, in_doubt: bool) -> Settled {
        let turn = shared.turns.of(first.run_id, first.step);
        let (_turn, waited) = match turn.try_lock() {
            Ok(turn) => (turn, false),
            Err(_) => (turn.lock().await, true),
        };
        let mut order = if in_doubt || waited {
            match shared.bus.current(&first).await {
                Go::On(order) => *order,
                Go::Away => return Settled::Expired,
                Go::AsYouAre => first,
            }
        } else {
            first
        };
        loop {
            let started_at = shared.clock.now();
            if order.deadline <= started_at {
                return Settled::Expired;
            }
            let Some(report) = self.report(shared, &order, started_at).await else {
                warn!(run = %order.run_id, step = %order.step, "an order is past its deadline; the planner orders it again");
                return Settled::Silent;
            };
            if !report.outcome.continues(shared.clock.now()) {
                return publish_until(shared, &report, None, order.deadline).await;
            }
            match hand_in(shared, &order, &report).await {
                Ok(next) => order = next,
                Err(settled) => return settled,
            }
        }
    }

    /// Nothing when the deadline comes first.
    async fn report(&self, shared: &Shared, order: &Order<H::Spec>, started_at: Timestamp) -> Option<Report> {
        let ctx = StepContext::new(Arc::clone(&shared.clock));
        let telling = Telling {
            bus: &shared.bus,
            ctx: &ctx,
            worker: &shared.worker,
            started_at,
        };
        let working = async {
            tokio::select! {
                outcome = self.outcome(order, &ctx) => outcome,
                never = telling.tell(order) => match never {},
            }
        };
        let worked = tokio::time::timeout(order.deadline.since(started_at), working).await;
        Some(Report {
            schema: SCHEMA,
            run_id: order.run_id,
            workspace: order.workspace.clone(),
            step: order.step,
            attempt: order.attempt,
            worker: shared.worker.clone(),
            started_at,
            ended_at: shared.clock.now(),
            outcome: worked.ok()?,
            notes: ctx.take_notes(),
        })
    }

    async fn outcome(&self, order: &Order<H::Spec>, ctx: &StepContext) -> Outcome {
        let ended = match order.mode {
            Mode::Live => self.0.carry_out(order, ctx).await,
            Mode::DryRun => {
                let rehearsed = self.0.rehearse(order, ctx).await;
                rehearsed.map(|rehearsal| gone_through(rehearsal, ctx.now()))
            }
        };
        match ended {
            Ok(Progress::Done(product)) => Outcome::Done { product },
            Ok(Progress::Resting { until, checkpoint }) => Outcome::Resting { until, checkpoint },
            Err(error) => judged(error),
        }
    }
}

fn gone_through(mut rehearsal: Rehearsal, now: Timestamp) -> Progress {
    match rehearsal.needs.take() {
        Some(checkpoint) => Progress::Resting { until: now, checkpoint },
        None => Progress::Done(Product::Rehearsed(rehearsal)),
    }
}

fn judged(error: StepError) -> Outcome {
    let (forget_checkpoint, elsewhere) = (error.forget_checkpoint, error.elsewhere);
    match error.disposition {
        Disposition::RetryAt(until, failure) => Outcome::Retry {
            until,
            failure,
            forget_checkpoint,
            patient: false,
            elsewhere,
        },
        Disposition::WaitUntil(until, failure) => Outcome::Retry {
            until,
            failure,
            forget_checkpoint,
            patient: true,
            elsewhere,
        },
        Disposition::Fail(failure) => Outcome::Failed { failure },
        Disposition::NeedsHuman(question) => Outcome::Stuck {
            question,
            forget_checkpoint,
        },
    }
}

/// Reports what was reached, and waits for the next order of the step; or how the message in hand is settled.
async fn hand_in<S: DeserializeOwned>(shared: &Shared, order: &Order<S>, report: &Report) -> Result<Order<S>, Settled> {
    let Ok(answers) = Answers::open(&shared.bus).await else {
        // Then the next order comes by the stream.
        return Err(publish_until(shared, report, None, order.deadline).await);
    };
    match publish_until(shared, report, Some(answers.inbox()), order.deadline).await {
        Settled::Reported => {}
        untold => return Err(untold),
    }
    match answers.next(&shared.bus, &*shared.clock, order).await {
        Next::Order(next) => Ok(*next),
        Next::Elsewhere => Err(Settled::Reported),
        // This message brings it back.
        Next::Late => Err(Settled::Silent),
    }
}

/// What was done must be told: the report is published until the stream has it or nobody waits for it any more.
async fn publish_until(shared: &Shared, report: &Report, inbox: Option<&str>, deadline: Timestamp) -> Settled {
    loop {
        match shared.bus.publish_report(report, inbox).await {
            Ok(()) => return Settled::Reported,
            Err(error) => warn!(%error, run = %report.run_id, "a report could not be published; trying again"),
        }
        if shared.clock.now() >= deadline {
            return Settled::Silent;
        }
        tokio::time::sleep(AFTER_TROUBLE).await;
    }
}

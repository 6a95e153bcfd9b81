//! One order at a desk: the handler's work, the report of how it ended, and the next order of a
//! step that goes on.
//!
//! In: an order as the stream delivered it. Out: how its message is settled. Touches: the reports.
//! Never: the acknowledgement, which is the loop's (`work`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::Message;
use domain::clock::Clock;
use domain::disposition::{Disposition, Failure};
use domain::run::{Mode, Outcome, Product, Rehearsal, Step};
use domain::{RunId, Timestamp};
use futures::future::BoxFuture;
use protocol::SCHEMA;
use protocol::order::Order;
use protocol::report::Report;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::connection::Bus;
use crate::direct_reply::{Answers, Go, Held, Next};
use crate::doubt::Doubt;
use crate::handler::{Progress, StepContext, StepError, StepHandler};
use crate::live::Telling;
use crate::mail::shown;
use crate::panics::{Panicked, caught};

const BETWEEN_TRIES: Duration = Duration::from_millis(500);
const AFTER_A_PANIC: Duration = Duration::from_secs(60);
pub(crate) const REPORT_IT: &str =
    "report it to the makers of Vigilo with the service's log; the order lies in the dead letters";

/// A handler behind one face, so that a service can have several.
pub(crate) trait OrderService: Send + Sync {
    fn serve<'a>(&'a self, desk: &'a Shared, message: &'a Message) -> BoxFuture<'a, Settled>;
}

pub(crate) struct Typed<H>(pub H);

/// What every order of this process needs.
pub(crate) struct Shared {
    pub bus: Bus,
    pub clock: Arc<dyn Clock>,
    pub worker: String,
    pub step_locks: StepLocks,
    pub doubt: Doubt,
}

/// One at a time for each step of a run. An order may be delivered twice while the first is in
/// flight: the second then waits, and finds what the first has done. Two finalizations of one ACME
/// order side by side can issue twice.
#[derive(Default)]
pub(crate) struct StepLocks(Mutex<HashMap<(RunId, Step), Weak<StepLock>>>);

type StepLock = tokio::sync::Mutex<()>;

impl StepLocks {
    fn of(&self, run: RunId, step: Step) -> Arc<StepLock> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = all.get(&(run, step)).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        all.insert((run, step), Arc::downgrade(&lock));
        lock
    }
}

/// How an order ended for JetStream; the settle table.
pub(crate) enum Settled {
    /// The report is in its stream.
    Reported,
    /// Replaced by a newer order already: the planner does not wait for it.
    Expired,
    /// No answer: it comes again after the wait.
    Silent,
    Unreadable(String),
    /// A defect of ours: it is in the report where there is one, and the order in the dead letters.
    Panicked(Panicked),
}

impl<H: StepHandler> OrderService for Typed<H> {
    fn serve<'a>(&'a self, shared: &'a Shared, message: &'a Message) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            match shared.bus.read::<Order<H::Spec>>(message) {
                Ok(order) => {
                    let in_doubt = shared.doubt.is_about(message, &shared.bus).await;
                    let held = Held {
                        order,
                        shown: shown(message),
                    };
                    self.carry_out(shared, held, in_doubt).await
                }
                Err(reason) => Settled::Unreadable(reason),
            }
        })
    }
}

impl<H: StepHandler> Typed<H> {
    /// An order, and those of the same step that come straight into this hand when what the one
    /// before has reached is saved.
    async fn carry_out(&self, shared: &Shared, first: Held<H::Spec>, in_doubt: bool) -> Settled {
        let lock = shared.step_locks.of(first.order.run_id, first.order.step);
        let (_lock, waited) = match lock.try_lock() {
            Ok(lock) => (lock, false),
            Err(_) => (lock.lock().await, true),
        };
        let mut held = if in_doubt || waited {
            match shared.bus.current(&first.order).await {
                Go::On(held) => *held,
                Go::Away => return Settled::Expired,
                Go::AsYouAre => first,
            }
        } else {
            first
        };
        loop {
            let (started_at, order) = (shared.clock.now(), &held.order);
            if order.deadline <= started_at {
                return Settled::Expired;
            }
            let Some((report, panicked)) = self.report(shared, &held, started_at).await else {
                warn!(run = %order.run_id, step = %order.step, "an order is past its deadline; the planner orders it again");
                return Settled::Silent;
            };
            if let Some(panicked) = panicked {
                return match publish_until(shared, &report, None, order.deadline).await {
                    Settled::Reported => Settled::Panicked(panicked),
                    unreported => unreported,
                };
            }
            if !report.outcome.continues(shared.clock.now()) {
                return publish_until(shared, &report, None, order.deadline).await;
            }
            match report_and_wait(shared, order, &report).await {
                Ok(next) => held = next,
                Err(settled) => return settled,
            }
        }
    }

    /// Nothing when the deadline comes first. A panic of the handler is an outcome too.
    async fn report(
        &self,
        shared: &Shared,
        held: &Held<H::Spec>,
        started_at: Timestamp,
    ) -> Option<(Report, Option<Panicked>)> {
        let order = &held.order;
        let ctx = StepContext::new(Arc::clone(&shared.clock)).of(held.shown.clone());
        let telling = Telling {
            bus: &shared.bus,
            ctx: &ctx,
            worker: &shared.worker,
            started_at,
        };
        let working = async {
            tokio::select! {
                outcome = caught(self.outcome(order, &ctx)) => outcome,
                never = telling.tell(order) => match never {},
            }
        };
        let worked = tokio::time::timeout(order.deadline.since(started_at), working).await;
        let (outcome, panicked) = match worked.ok()? {
            Ok(outcome) => (outcome, None),
            Err(panicked) => (broken(shared, &panicked), Some(panicked)),
        };
        let report = Report {
            schema: SCHEMA,
            run_id: order.run_id,
            workspace: order.workspace.clone(),
            step: order.step,
            attempt: order.attempt,
            worker: shared.worker.clone(),
            started_at,
            ended_at: shared.clock.now(),
            outcome,
            notes: ctx.take_notes(),
        };
        Some((report, panicked))
    }

    async fn outcome(&self, order: &Order<H::Spec>, ctx: &StepContext) -> Outcome {
        let ended = match order.mode {
            Mode::Live => self.0.carry_out(order, ctx).await,
            Mode::DryRun => {
                let rehearsed = self.0.rehearse(order, ctx).await;
                rehearsed.map(|rehearsal| rehearsal_progress(rehearsal, ctx.now()))
            }
        };
        match ended {
            Ok(Progress::Done(product)) => Outcome::Done { product },
            Ok(Progress::Resting { until, checkpoint }) => Outcome::Resting { until, checkpoint },
            Err(error) => outcome_of(error),
        }
    }
}

fn rehearsal_progress(mut rehearsal: Rehearsal, now: Timestamp) -> Progress {
    match rehearsal.needs.take() {
        Some(checkpoint) => Progress::Resting { until: now, checkpoint },
        None => Progress::Done(Product::Rehearsed(rehearsal)),
    }
}

/// What the other side sent may be other the next time; where it is not, the ladder ends with a
/// question.
fn broken(shared: &Shared, panicked: &Panicked) -> Outcome {
    let what = format!("{}: {panicked}", shared.worker);
    Outcome::Retry {
        until: shared.clock.now().plus(AFTER_A_PANIC),
        failure: Failure::new("RUN-0005", what, REPORT_IT),
        forget_checkpoint: false,
        left: None,
    }
}

fn outcome_of(error: StepError) -> Outcome {
    let (forget_checkpoint, left) = (error.forget_checkpoint, error.left);
    match error.disposition {
        Disposition::RetryAt(until, failure) => Outcome::Retry {
            until,
            failure,
            forget_checkpoint,
            left,
        },
        Disposition::Fail(failure) => Outcome::Failed { failure },
        Disposition::NeedsHuman(question) => Outcome::Stuck {
            question,
            forget_checkpoint,
            left,
        },
    }
}

/// Reports what was reached, and waits for the next order of the step; or how the message in flight
/// is settled.
async fn report_and_wait<S: DeserializeOwned>(
    shared: &Shared,
    order: &Order<S>,
    report: &Report,
) -> Result<Held<S>, Settled> {
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

/// What was done must be told: the report is published until the stream has it or the planner no
/// longer waits for it.
#[expect(
    clippy::disallowed_methods,
    reason = "between two tries, until the deadline of the order"
)]
async fn publish_until(shared: &Shared, report: &Report, inbox: Option<&str>, deadline: Timestamp) -> Settled {
    loop {
        match shared.bus.publish_report(report, inbox).await {
            Ok(()) => return Settled::Reported,
            Err(error) => warn!(%error, run = %report.run_id, "a report could not be published; trying again"),
        }
        if shared.clock.now() >= deadline {
            return Settled::Silent;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

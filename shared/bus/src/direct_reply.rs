//! How a worker keeps a step in flight that must be saved on its way: it reports what it has
//! reached, and the planner hands it the next order of the step as soon as that is in the record.
//! Its message in the stream stays unacknowledged meanwhile: if the worker dies, it comes again,
//! and who gets it asks for the present order first.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use domain::clock::Clock;
use futures::StreamExt;
use protocol::custody::ShownOrder;
use protocol::direct_reply::{Current, CurrentAsk};
use protocol::order::Order;
use protocol::subjects::{self, Worker};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::mail::shown;
use crate::signing::Signer;
use crate::streams::StreamName;

/// A planner answers within its next commit: so long it is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one question.
const WITHIN: Duration = Duration::from_secs(2);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// An order, and how it came.
pub(crate) struct Held<S> {
    pub order: Order<S>,
    pub shown: Option<Arc<ShownOrder>>,
}

/// What an order that was delivered again comes to.
pub(crate) enum Go<S> {
    /// With this one.
    On(Box<Held<S>>),
    /// The run has moved on.
    Away,
    /// The planner could not be asked: an order may be carried out again.
    AsYouAre,
}

/// Where a worker hears how its run goes on; open before it reports.
pub(crate) struct Answers {
    inbox: String,
    answers: Subscriber,
}

/// What the planner says, and how it came.
type Reply<S> = (Current<S>, Option<Arc<ShownOrder>>);

/// How a run goes on of which something was saved.
pub(crate) enum Next<S> {
    Order(Box<Held<S>>),
    /// The planner does not wait for this worker.
    Elsewhere,
    /// Nothing was heard before the deadline.
    Late,
}

impl Bus {
    /// After a start of NATS a planner may come back later than the worker: it is waited for a
    /// while.
    #[expect(
        clippy::disallowed_methods,
        reason = "between two tries, until the deadline of the order or a stop"
    )]
    pub(crate) async fn current<S: DeserializeOwned>(&self, order: &Order<S>) -> Go<S> {
        let until = Instant::now() + PATIENCE;
        loop {
            let untold = match self.ask_current(order).await {
                Ok((Current::Order { order }, shown)) => {
                    return Go::On(Box::new(Held { order: *order, shown }));
                }
                Ok((Current::Elsewhere, _)) => return Go::Away,
                Ok((Current::Unknown { reason }, _)) => reason,
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                warn!(why = untold, run = %order.run_id, "no planner says whether an order still counts");
                return Go::AsYouAre;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask_current<S: DeserializeOwned>(&self, order: &Order<S>) -> Result<Reply<S>, BusError> {
        let question = CurrentAsk {
            run_id: order.run_id,
            step: order.step,
            attempt: order.attempt,
        };
        let subject = subjects::current(Worker::of(order.step.kind()));
        let message = self.ask_signed(&subject, &question, Signer::Planner, WITHIN).await?;
        Ok((serde_json::from_slice(&message.payload)?, shown(&message)))
    }
}

impl Bus {
    /// What the planner says to a worker that waits; what any other sender says there is evidence,
    /// and nothing more.
    async fn read_direct_reply<S: DeserializeOwned>(&self, message: &Message) -> Option<Reply<S>> {
        match self.is_signed(message, Signer::Planner) {
            Ok(()) => {
                let current = serde_json::from_slice(&message.payload).ok()?;
                Some((current, shown(message)))
            }
            Err(why) => {
                self.keep_evidence(StreamName::Orders, message, &why).await;
                None
            }
        }
    }
}

impl Answers {
    pub(crate) async fn open(bus: &Bus) -> Result<Self, BusError> {
        let inbox = bus.client.new_inbox();
        let answers = bus.client.subscribe(inbox.clone()).await;
        Ok(Self {
            inbox,
            answers: answers.map_err(BusError::unavailable)?,
        })
    }

    pub(crate) fn inbox(&self) -> &str {
        &self.inbox
    }

    /// Waits for what comes after this order, which was reported.
    #[expect(
        clippy::disallowed_methods,
        reason = "between two tries, until the deadline of the order or a stop"
    )]
    pub(crate) async fn next<S: DeserializeOwned>(mut self, bus: &Bus, clock: &dyn Clock, order: &Order<S>) -> Next<S> {
        let heard = tokio::time::timeout(PATIENCE, self.answers.next()).await;
        let mut said = match heard.ok().flatten() {
            Some(message) => bus.read_direct_reply(&message).await,
            None => None,
        };
        loop {
            match said {
                Some((Current::Order { order: next }, shown)) if next.attempt > order.attempt => {
                    return Next::Order(Box::new(Held { order: *next, shown }));
                }
                Some((Current::Elsewhere, _)) => return Next::Elsewhere,
                // Not in the record yet, or no planner answers: the report is in the stream.
                Some((Current::Order { .. } | Current::Unknown { .. }, _)) | None => {}
            }
            if clock.now() >= order.deadline {
                return Next::Late;
            }
            tokio::time::sleep(PAUSE).await;
            said = match bus.ask_current(order).await {
                Ok(said) => Some(said),
                Err(error) => {
                    warn!(%error, run = %order.run_id, "no planner says how a run goes on; asking again");
                    None
                }
            };
        }
    }
}

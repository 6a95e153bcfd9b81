//! How a worker keeps a step in hand that must be saved on its way: it reports what it has reached, and the planner hands it
//! the next order of the step as soon as that is in the record. Its message in the stream stays unacknowledged meanwhile: if the
//! worker dies, it comes again, and who gets it asks for the present order first.

use std::time::Duration;

use async_nats::Subscriber;
use domain::clock::Clock;
use futures::StreamExt;
use protocol::handover::{Current, CurrentAsk};
use protocol::order::Order;
use protocol::subjects::{self, Worker};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::warn;

use crate::connection::{Bus, BusError};

/// A planner answers within its next commit: so long it is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one question.
const WITHIN: Duration = Duration::from_secs(2);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// What an order that was delivered again comes to.
pub(crate) enum Go<S> {
    /// With this one.
    On(Box<Order<S>>),
    /// The run has moved on.
    Away,
    /// Nobody could tell: an order may be carried out again.
    AsYouAre,
}

/// Where a worker hears how its run goes on; open before it reports.
pub(crate) struct Answers {
    inbox: String,
    answers: Subscriber,
}

/// How a run goes on of which something was saved.
pub(crate) enum Next<S> {
    Order(Box<Order<S>>),
    /// Nobody waits for this worker.
    Elsewhere,
    /// Nothing was heard before the deadline.
    Late,
}

impl Bus {
    /// After a start of NATS a planner may come back later than the worker: it is waited for a while.
    pub(crate) async fn current<S: DeserializeOwned>(&self, order: &Order<S>) -> Go<S> {
        let until = Instant::now() + PATIENCE;
        loop {
            let untold = match self.ask_current(order).await {
                Ok(Current::Order { order }) => return Go::On(order),
                Ok(Current::Elsewhere) => return Go::Away,
                Ok(Current::Unknown { reason }) => reason,
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                warn!(why = untold, run = %order.run_id, "no planner says whether an order still counts");
                return Go::AsYouAre;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask_current<S: DeserializeOwned>(&self, order: &Order<S>) -> Result<Current<S>, BusError> {
        let question = CurrentAsk {
            run_id: order.run_id,
            step: order.step,
            attempt: order.attempt,
        };
        let subject = subjects::current(Worker::of(order.step.kind()));
        self.ask(&subject, &question, WITHIN).await
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
    pub(crate) async fn next<S: DeserializeOwned>(mut self, bus: &Bus, clock: &dyn Clock, order: &Order<S>) -> Next<S> {
        let heard = tokio::time::timeout(PATIENCE, self.answers.next()).await;
        let heard = heard.ok().flatten();
        let mut said = heard.and_then(|message| serde_json::from_slice(&message.payload).ok());
        loop {
            match said {
                Some(Current::Order { order: next }) if next.attempt > order.attempt => return Next::Order(next),
                Some(Current::Elsewhere) => return Next::Elsewhere,
                // Not in the record yet, or nobody to ask: the report is in the stream.
                Some(Current::Order { .. } | Current::Unknown { .. }) | None => {}
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

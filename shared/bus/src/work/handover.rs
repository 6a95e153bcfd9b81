//! How a worker keeps a step in hand that must be saved on its way: it reports what it has reached, and the planner hands it
//! the next order of the step as soon as that is in the record. Its message in the stream stays unacknowledged meanwhile: if the
//! worker dies, it comes again, and who gets it asks for the present order first.

use std::time::Duration;

use async_nats::Subscriber;
use domain::Timestamp;
use futures::StreamExt;
use protocol::handover::{Current, CurrentAsk};
use protocol::order::Order;
use protocol::report::Report;
use protocol::subjects::{self, Worker};
use serde::de::DeserializeOwned;
use tracing::warn;

use super::{Settled, Shared, publish_until};
use crate::connection::BusError;

/// A planner answers within its next commit. After this long it is asked: its answer may have been lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one question.
const WITHIN: Duration = Duration::from_secs(2);

/// What an order that was delivered again comes to.
pub(super) enum Go<S> {
    /// With this one.
    On(Box<Order<S>>),
    /// The run has moved on.
    Away,
    /// Nobody could tell: an order may be carried out again.
    AsYouAre,
}

pub(super) async fn current<S: DeserializeOwned>(shared: &Shared, order: &Order<S>) -> Go<S> {
    match ask(shared, order).await {
        Ok(Current::Order { order }) => Go::On(order),
        Ok(Current::Elsewhere) => Go::Away,
        Ok(Current::Unknown { reason }) => {
            warn!(reason, run = %order.run_id, "the planner does not know whether an order still counts");
            Go::AsYouAre
        }
        Err(error) => {
            warn!(%error, run = %order.run_id, "no planner says whether an order still counts");
            Go::AsYouAre
        }
    }
}

/// Reports what was reached, and waits for the next order of the step; or how the message in hand is settled.
pub(super) async fn hand_in<S: DeserializeOwned>(
    shared: &Shared,
    order: &Order<S>,
    report: &Report,
) -> Result<Order<S>, Settled> {
    let inbox = shared.bus.client.new_inbox();
    let answers = match shared.bus.client.subscribe(inbox.clone()).await {
        Ok(answers) => answers,
        // The next order comes by the stream.
        Err(_) => return Err(publish_until(shared, report, None, order.deadline).await),
    };
    match publish_until(shared, report, Some(&inbox), order.deadline).await {
        Settled::Reported => next(shared, order, answers).await,
        other => Err(other),
    }
}

async fn next<S: DeserializeOwned>(
    shared: &Shared,
    order: &Order<S>,
    mut answers: Subscriber,
) -> Result<Order<S>, Settled> {
    let heard = tokio::time::timeout(PATIENCE, answers.next()).await.ok().flatten();
    let mut said = heard.and_then(|message| serde_json::from_slice(&message.payload).ok());
    loop {
        match said {
            Some(Current::Order { order: next }) if next.attempt > order.attempt => return Ok(*next),
            Some(Current::Elsewhere) => return Err(Settled::Reported),
            // Not in the record yet, or nobody to ask: the report is in the stream, and this message may not go before the
            // next order is here.
            Some(Current::Order { .. } | Current::Unknown { .. }) | None => {}
        }
        if is_past(shared, order.deadline) {
            return Err(Settled::Silent);
        }
        tokio::time::sleep(super::AFTER_TROUBLE).await;
        said = match ask(shared, order).await {
            Ok(said) => Some(said),
            Err(error) => {
                warn!(%error, run = %order.run_id, "no planner says how a run goes on; asking again");
                None
            }
        };
    }
}

fn is_past(shared: &Shared, deadline: Timestamp) -> bool {
    shared.clock.now() >= deadline
}

async fn ask<S: DeserializeOwned>(shared: &Shared, order: &Order<S>) -> Result<Current<S>, BusError> {
    let question = CurrentAsk {
        run_id: order.run_id,
        step: order.step,
        attempt: order.attempt,
    };
    let subject = subjects::current(Worker::of(order.step.kind()));
    shared.bus.ask(&subject, &question, WITHIN).await
}

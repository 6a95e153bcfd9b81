//! Tells a worker whether an order that it has in flight still counts: one that was delivered again
//! may have been replaced.

use std::sync::Arc;

use bus::panics::caught;
use bus::{Bus, BusError};
use domain::run::Step;
use protocol::direct_reply::{Current, CurrentAsk};
use protocol::order::Spec;
use protocol::subjects::{self, Worker};
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;

/// Replicas share the questions.
const GROUP: &str = "planner";

pub(crate) async fn tell(ledger: Arc<Ledger>, bus: &Bus, stop: &CancellationToken) -> Result<(), BusError> {
    let tell = move |subject: String, question: Vec<u8>| {
        let ledger = Arc::clone(&ledger);
        async move {
            let told = caught(current(&ledger, &subject, &question)).await;
            told.unwrap_or_else(|panicked| Current::Unknown {
                reason: panicked.to_string(),
            })
        }
    };
    bus.answer(subjects::CURRENT_ALL, GROUP, stop, tell).await
}

async fn current(ledger: &Ledger, subject: &str, question: &[u8]) -> Current<Spec> {
    let unknown = |reason: String| Current::Unknown { reason };
    let ask: CurrentAsk = match serde_json::from_slice(question) {
        Ok(ask) => ask,
        Err(e) => return unknown(format!("the question does not parse: {e}")),
    };
    if subject != asked_at(ask.step) {
        return unknown(format!("{} is no step of the service that asks on {subject}", ask.step));
    }
    match ledger.current(&ask).await {
        Ok(Some(order)) => Current::Order { order: Box::new(order) },
        Ok(None) => Current::Elsewhere,
        Err(error) => unknown(error.to_string()),
    }
}

/// A service hears of its own steps only: what orders carry is for no other service.
fn asked_at(step: Step) -> String {
    subjects::current(Worker::of(step.kind()))
}

//! Orders that no worker has picked up: what is said of a run that is out for a while, and whose
//! service may not run.
//!
//! In: runs as people ask for them. Out: how many orders of a service lie undelivered. Never: an
//! error, or a long wait, for this: who asks for a run gets it.

use std::collections::HashMap;
use std::time::Duration;

use bus::Bus;
use domain::Timestamp;
use domain::counted;
use domain::run::{Position, Step};
use protocol::subjects::Worker;
use store::RunView;

/// A worker with a free place has an order in flight within moments.
const A_WHILE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_millis(500);

/// What holds up orders that are out.
#[derive(Default)]
pub(crate) struct HeldUp {
    lying: HashMap<Worker, u64>,
    /// NATS does not store what it is given, in words.
    nats: Option<String>,
}

/// Of each service for which one of these runs has waited for a while.
pub(crate) async fn look(bus: &Bus, runs: &[RunView], now: Timestamp) -> HeldUp {
    let mut lying = HashMap::new();
    if runs.iter().all(|view| !waits_long(view, now)) {
        return HeldUp::default();
    }
    let asked = tokio::time::timeout(PATIENCE, bus.conditions()).await;
    let nats = asked.ok().and_then(Result::ok).and_then(|conditions| conditions.nats);
    for worker in runs.iter().filter_map(|view| waits_for(view, now)) {
        if lying.contains_key(&worker) {
            continue;
        }
        let looked = tokio::time::timeout(PATIENCE, bus.undelivered(worker)).await;
        lying.insert(worker, looked.ok().and_then(Result::ok).unwrap_or(0));
    }
    HeldUp { lying, nats }
}

/// In words, when there is something to say.
pub(crate) fn words(view: &RunView, held_up: &HeldUp, now: Timestamp) -> Option<String> {
    if let Some(nats) = held_up.nats.as_ref().filter(|_| waits_long(view, now)) {
        return Some(format!("waits for NATS: {nats}"));
    }
    let worker = waits_for(view, now)?;
    let orders = held_up.lying.get(&worker).copied().filter(|orders| *orders > 0)?;
    Some(format!(
        "its order is out since {}, and {} for the {worker} lie there that no worker has picked up: \
         see whether that service is running",
        view.moved_at,
        counted(orders, "order"),
    ))
}

/// Whether it has stood for a while where an order or a report moves it.
fn waits_long(view: &RunView, now: Timestamp) -> bool {
    let moves = matches!(view.run.state.position, Position::Out { .. } | Position::Waiting { .. });
    moves && now > view.moved_at.plus(A_WHILE)
}

fn waits_for(view: &RunView, now: Timestamp) -> Option<Worker> {
    match view.run.state.position {
        Position::Out { step, .. } if now > view.moved_at.plus(A_WHILE) => Some(of(step)),
        Position::Out { .. } | Position::Waiting { .. } | Position::Asking { .. } | Position::Ended { .. } => None,
    }
}

fn of(step: Step) -> Worker {
    Worker::of(step.kind())
}

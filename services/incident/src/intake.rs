//! Run events become incidents. An event is acknowledged when its incident is kept, not before.

use std::time::Duration;

use bus::{Bus, BusError, SystemClock};
use domain::clock::Clock;
use domain::incident::Incident;
use protocol::event::RunEvent;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::triage::triage;

/// One reader for all replicas: each event is in the hands of one of them.
const DURABLE: &str = "incident";

/// While Postgres is away an event is held: given back, it would be a dead letter after its fifth delivery.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes events until `stop`.
pub async fn follow(bus: &Bus, store: &Store, stop: &CancellationToken) -> Result<(), BusError> {
    bus.run_events(DURABLE, stop, |event| take(store, event, stop)).await
}

async fn take(store: &Store, event: RunEvent, stop: &CancellationToken) -> Result<(), StoreError> {
    let Some(incident) = triage(&event, SystemClock.now()) else {
        return Ok(());
    };
    loop {
        match open(store, &incident).await {
            Err(StoreError::Unavailable(why)) => {
                warn!(%why, run = %event.run_id, "an incident cannot be kept; trying again")
            }
            ended => return ended,
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return open(store, &incident).await;
        }
    }
}

async fn open(store: &Store, incident: &Incident) -> Result<(), StoreError> {
    let (run, host) = (incident.run_id, &incident.hostname);
    match store.open_incident(incident).await {
        Ok(true) => info!(%run, %host, severity = incident.severity.as_str(), "incident"),
        // Delivered twice, or it failed again after a resume: the run has its incident.
        Ok(false) => {}
        // A run that is gone can have no incident, however often the event comes.
        Err(StoreError::Unknown { constraint }) => warn!(%run, %constraint, "an event of nothing we know"),
        Err(error) => return Err(error),
    }
    Ok(())
}

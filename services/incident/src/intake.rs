//! Run events become incidents. An event whose incident cannot be kept is not acknowledged: it comes again.

use bus::{Bus, BusError, SystemClock};
use domain::clock::Clock;
use protocol::event::RunEvent;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::triage::triage;

/// One reader for all replicas: each event is in the hands of one of them.
const DURABLE: &str = "incident";

/// Takes events until `stop`.
pub async fn follow(bus: &Bus, store: &Store, stop: &CancellationToken) -> Result<(), BusError> {
    bus.run_events(DURABLE, stop, |event| take(store, event)).await
}

async fn take(store: &Store, event: RunEvent) -> Result<(), StoreError> {
    let Some(incident) = triage(&event, SystemClock.now()) else {
        return Ok(());
    };
    match store.open_incident(&incident).await {
        Ok(true) => {
            info!(run = %event.run_id, host = %event.hostname, severity = incident.severity.as_str(), "incident")
        }
        // Delivered twice, or it failed again after a resume: the run has its incident.
        Ok(false) => {}
        // A run that is gone can have no incident, however often the event comes.
        Err(StoreError::Unknown { constraint }) => {
            warn!(run = %event.run_id, %constraint, "an event of nothing we know")
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

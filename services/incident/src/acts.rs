//! What people do to incidents: acknowledge and close, each in one transaction with what is told of it.
//!
//! In: requests of the console. Out: an answer after the commit. Touches: NATS, the rows of one incident. Never: an act of anybody
//! who may not ask here: NATS lets the console alone.

use bus::panics::caught;
use bus::{Bus, BusError, SystemClock};
use domain::clock::Clock;
use domain::incident::{Change, Remark};
use domain::{Timestamp, WorkspaceId};
use protocol::incident::{IncidentAct, IncidentActAnswer, IncidentActAsk};
use protocol::subjects;
use store::{Announcement, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Replicas share the requests.
const GROUP: &str = "incident";

/// Until `stop`.
pub(crate) async fn answer(bus: &Bus, store: &Store, stop: &CancellationToken) -> Result<(), BusError> {
    let store = store.clone();
    let carry_out = move |subject: String, body: Vec<u8>| {
        let store = store.clone();
        async move {
            match caught(carry_out(&store, &subject, &body)).await {
                Ok(answer) => answer,
                Err(panicked) => {
                    error!(%panicked, "an act on an incident met a defect");
                    IncidentActAnswer::Failed
                }
            }
        }
    };
    bus.answer(subjects::INCIDENT_ACT_ALL, GROUP, stop, carry_out).await
}

async fn carry_out(store: &Store, subject: &str, body: &[u8]) -> IncidentActAnswer {
    let Some(workspace) = subjects::workspace_of_incident_act(subject) else {
        warn!(subject, "an act on an incident names no workspace");
        return IncidentActAnswer::Failed;
    };
    let ask: IncidentActAsk = match serde_json::from_slice(body) {
        Ok(ask) => ask,
        Err(error) => {
            warn!(%error, "an act on an incident does not parse");
            return IncidentActAnswer::Failed;
        }
    };
    match act(store, &workspace, &ask, SystemClock.now()).await {
        Ok(answer) => answer,
        Err(StoreError::Unavailable(why)) => {
            warn!(%why, "an act on an incident cannot be kept");
            IncidentActAnswer::Unavailable
        }
        Err(error) => {
            error!(%error, incident = %ask.incident_id, "an act on an incident cannot be kept");
            IncidentActAnswer::Failed
        }
    }
}

/// Done once: what stands elsewhere is left as it is.
///
/// # Errors
/// The record cannot be read or written; then nothing was done.
pub async fn act(
    store: &Store,
    workspace: &WorkspaceId,
    ask: &IncidentActAsk,
    now: Timestamp,
) -> Result<IncidentActAnswer, StoreError> {
    let id = ask.incident_id;
    let mut tx = store.incident_tx(workspace).await?;
    let Some(state) = tx.state(id).await? else {
        return Ok(IncidentActAnswer::Unknown);
    };
    let remark = Remark {
        at: now,
        by: ask.by.clone(),
        note: ask.note.clone(),
    };
    let (done, change) = match ask.act {
        IncidentAct::Acknowledge => (tx.acknowledge(id, &remark).await?, Change::Acknowledged),
        IncidentAct::Close => (tx.close(id, &remark).await?, Change::Closed),
    };
    if !done {
        return Ok(IncidentActAnswer::OutOfPlace { state });
    }
    let audience = tx.audience(&[id]).await?;
    tx.tell(id, Announcement::new(change, &remark), &audience, now).await?;
    tx.commit().await?;
    info!(incident = %id, by = ask.by, act = ?ask.act, "people");
    Ok(IncidentActAnswer::Done)
}

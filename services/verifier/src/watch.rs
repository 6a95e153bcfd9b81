//! Looks at hosts beside any run, whenever the planner asks.
//!
//! In: asks. Out: a snapshot of every address, or why there is none. Never: takes a slot from the orders of runs, keeps
//! anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bus::aside::serve_each;
use bus::inbox::{Delivery, Inbox};
use bus::topology::Reader;
use bus::{Bus, BusError, SystemClock};
use domain::certificate::{Seen, Snapshot};
use domain::clock::Clock;
use domain::{SnapshotId, Timestamp};
use futures::future::join_all;
use protocol::SCHEMA;
use protocol::probe::{ProbeAsk, ProbeSeen};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::probe::{Observation, ProbeError, Prober};

/// Looks at hosts, so many at the same time, until `stop`; those in hand are finished.
pub(crate) async fn watch(
    bus: Bus,
    prober: Arc<Prober>,
    slots: usize,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let asks = Inbox::open(bus.clone(), Reader::probe_asks(), slots).await?;
    let watch = Arc::new(Watch { bus, prober });
    serve_each(asks, slots, stop, |ask| Arc::clone(&watch).serve(ask)).await
}

struct Watch {
    bus: Bus,
    prober: Arc<Prober>,
}

impl Watch {
    /// An ask that is too old has been asked again. What cannot be told now is delivered again.
    async fn serve(self: Arc<Self>, ask: Delivery<ProbeAsk>) {
        if SystemClock.now() < ask.value.until {
            let seen = look(&self.prober, &ask.value).await;
            if let Err(error) = self.bus.publish_probe_seen(&seen).await {
                warn!(%error, host = %ask.value.hostname, "what was seen could not be told; it is looked at again");
                return;
            }
        }
        ask.ack().await;
    }
}

/// One look at every address of a host, all at the same time.
async fn look(prober: &Prober, ask: &ProbeAsk) -> ProbeSeen {
    let found = prober.addresses(&ask.hostname, ask.port, &ask.addresses).await;
    let seen = match &found {
        Ok(addresses) => {
            join_all(addresses.iter().map(async |address| Observation {
                address: *address,
                seen: prober.look(&ask.hostname, *address).await,
            }))
            .await
        }
        Err(_) => Vec::new(),
    };
    let seen_at = SystemClock.now();
    let mut snapshots: Vec<Snapshot> = seen
        .iter()
        .map(|one| prober.snapshot(&ask.hostname, one, seen_at))
        .collect();
    snapshots.extend(found.err().map(|error| nowhere(ask.port, &error, seen_at)));
    ProbeSeen {
        schema: SCHEMA,
        workspace: ask.workspace.clone(),
        host_id: ask.host_id,
        asked_at: ask.asked_at,
        seen_at,
        snapshots,
    }
}

/// The name has no address: nothing could be dialled.
fn nowhere(port: u16, error: &ProbeError, now: Timestamp) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(),
        dialled: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        taken_at: now,
        seen: Seen::Unreachable {
            probe_error: error.to_string(),
        },
    }
}

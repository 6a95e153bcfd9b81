//! Looks at hosts beside any run, whenever the planner asks.
//!
//! In: asks. Out: a snapshot of every address, or why there is none. Never: takes a slot from the
//! orders of runs, keeps anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bus::aside::serve_each;
use bus::inbox::{Delivery, Inbox};
use bus::{Bus, BusError, SystemClock};
use domain::certificate::{LookResult, Snapshot};
use domain::clock::Clock;
use domain::{SnapshotId, Timestamp};
use protocol::SCHEMA;
use protocol::probe::{ProbeAsk, ProbeSeen};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::lookout::{Lookout, Viewpoint};
use crate::presented::ProbeError;
use crate::probe::Prober;
use crate::tally::Goal;

/// Twelve looks at a slow address: within the time after which it is asked for again.
const LONGEST: Duration = Duration::from_secs(30);

pub(crate) struct Watch {
    bus: Bus,
    prober: Arc<Prober>,
    lookout: Lookout,
}

impl Watch {
    pub(crate) fn new(bus: Bus, prober: Arc<Prober>) -> Self {
        let lookout = Lookout::new(Arc::clone(&prober), LONGEST);
        Self { bus, prober, lookout }
    }

    /// Looks at hosts, so many at the same time, until `stop`; those in flight are finished.
    pub(crate) async fn serve_all(
        self,
        asks: Inbox<ProbeAsk>,
        slots: usize,
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let watch = Arc::new(self);
        serve_each(asks, slots, stop, |ask| Arc::clone(&watch).serve(ask)).await
    }

    /// An ask that is too old has been asked again. What cannot be told now is delivered again.
    async fn serve(self: Arc<Self>, ask: Delivery<ProbeAsk>) {
        if SystemClock.now() < ask.value.until {
            let seen = self.look(&ask.value).await;
            if let Err(error) = self.bus.publish_probe_seen(&seen).await {
                warn!(%error, host = %ask.value.hostname, "what was seen could not be told; it is looked at again");
                return;
            }
        }
        ask.ack().await;
    }
}

impl Watch {
    /// One handshake with each address of a host, and more where another leaf than the last one
    /// shows, or where several did.
    async fn look(&self, ask: &ProbeAsk) -> ProbeSeen {
        let found = self.prober.addresses(&ask.hostname, ask.port, &ask.addresses).await;
        let seen = match &found {
            Ok(addresses) => {
                let looks = addresses.all.iter().map(|address| {
                    let place = Viewpoint {
                        address: *address,
                        counts: true,
                    };
                    (place, goal(ask, *address))
                });
                let looks: Vec<(Viewpoint, Goal)> = looks.collect();
                self.lookout.look(&ask.hostname, &looks).await
            }
            Err(_) => Vec::new(),
        };
        let seen_at = SystemClock.now();
        let mut snapshots = self.lookout.snapshots(&ask.hostname, &seen, seen_at);
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
}

fn goal(ask: &ProbeAsk, address: SocketAddr) -> Goal {
    let last = ask.last.iter().find(|last| last.dialled == address);
    Goal {
        looks: 1,
        was_mixed: ask.was_mixed,
        known: last.map(|last| last.leaf.clone()),
    }
}

/// The name has no address: nothing could be dialled.
fn nowhere(port: u16, error: &ProbeError, now: Timestamp) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(),
        dialled: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        taken_at: now,
        seen: LookResult::Unreachable {
            probe_error: error.to_string(),
        },
        looks: 0,
        others: Vec::new(),
    }
}

//! Looks at several places of a host until each shows what is awaited, or the patience ends.
//!
//! In: addresses, and which of them count. Out: the last look at each. Never: says what a look is worth.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::certificate::Snapshot;
use domain::{Hostname, Timestamp};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::probe::{Observation, Presented, ProbeError, Prober};

/// A reload takes a server some milliseconds: the first looks come quickly, the later ones cost little.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What is left of an order's time for the report.
const RESERVE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub struct Lookout {
    prober: Arc<Prober>,
    patience: Duration,
}

/// One address of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub address: SocketAddr,
    /// Whether what it serves decides; a hint otherwise.
    pub counts: bool,
}

/// The host's own addresses.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    pub host: &'a Hostname,
    pub port: u16,
    pub addresses: &'a [IpAddr],
}

impl Lookout {
    pub fn new(prober: Arc<Prober>, patience: Duration) -> Self {
        Self { prober, patience }
    }

    /// The host's own addresses, which count or not, and the endpoints of its targets, which always do.
    pub async fn places(&self, own: Own<'_>, counts: bool, endpoints: &[SocketAddr]) -> Result<Vec<Place>, ProbeError> {
        let asked = self.prober.addresses(own.host, own.port, own.addresses).await;
        let at_host = match asked {
            Ok(addresses) => addresses,
            // A hint that cannot be had is none.
            Err(_) if !counts => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut places = endpoint_places(endpoints);
        let further = at_host.into_iter().filter(|address| !endpoints.contains(address));
        places.extend(further.map(|address| Place { address, counts }));
        Ok(places)
    }

    /// One look at each.
    pub async fn look(&self, host: &Hostname, places: &[Place]) -> Vec<Observation> {
        join_all(places.iter().map(async |place| Observation {
            address: place.address,
            seen: self.prober.look(host, place.address).await,
        }))
        .await
    }

    /// Looks until every place that counts shows what is awaited; those that do are left in peace.
    pub async fn until(
        &self,
        (host, places): (&Hostname, &[Place]),
        time_left: Duration,
        awaited: impl Fn(&Presented) -> bool,
    ) -> Vec<Observation> {
        let until = Instant::now() + self.patience.min(time_left.saturating_sub(RESERVE));
        let mut seen = self.look(host, places).await;
        let mut wait = FIRST_WAIT;
        loop {
            let open: Vec<usize> = (0..seen.len())
                .filter(|i| places[*i].counts && !seen[*i].seen.as_ref().is_ok_and(&awaited))
                .collect();
            if open.is_empty() || Instant::now() + wait > until {
                return seen;
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            let again: Vec<Place> = open.iter().map(|i| places[*i]).collect();
            for (i, looked) in open.into_iter().zip(self.look(host, &again).await) {
                seen[i] = looked;
            }
        }
    }

    pub fn snapshots(&self, host: &Hostname, seen: &[Observation], now: Timestamp) -> Vec<Snapshot> {
        seen.iter().map(|one| self.prober.snapshot(host, one, now)).collect()
    }
}

/// Each once, even when two targets answer at the same.
pub fn endpoint_places(endpoints: &[SocketAddr]) -> Vec<Place> {
    let each: BTreeSet<SocketAddr> = endpoints.iter().copied().collect();
    each.into_iter()
        .map(|address| Place { address, counts: true })
        .collect()
}

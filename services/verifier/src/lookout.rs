//! Looks at several places of a host until each shows what is awaited, often enough, or the patience ends.
//!
//! In: addresses, and which of them count. Out: a tally of the looks at each. Never: says what a look is worth.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::certificate::Snapshot;
use domain::{Hostname, Timestamp};
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::presented::{Presented, ProbeError};
use crate::probe::Prober;
use crate::tally::{GOOD_LOOKS, Goal, Tally};

/// A reload takes a server some milliseconds: the first looks come quickly, the later ones cost little.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What is left of an order's time for the report.
const RESERVE: Duration = Duration::from_secs(10);
/// Connections of one look at the same time.
const AT_ONCE: usize = 8;

/// Cheap to clone.
#[derive(Clone)]
pub struct Lookout {
    prober: Arc<Prober>,
    patience: Duration,
}

/// One address of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewpoint {
    pub address: SocketAddr,
    /// Whether what it serves decides; a hint otherwise.
    pub counts: bool,
}

/// Where to look, and how many addresses more the name has than one look takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    pub all: Vec<Viewpoint>,
    pub left_out: usize,
}

/// The host's own addresses.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    pub host: &'a Hostname,
    pub port: u16,
    pub addresses: &'a [IpAddr],
}

/// How long looks go on.
#[derive(Debug, Clone, Copy)]
struct Until {
    /// Until then something else than the awaited may be served.
    patience: Instant,
    /// Good looks in a row are brought to their end until then.
    end: Instant,
}

impl Lookout {
    pub fn new(prober: Arc<Prober>, patience: Duration) -> Self {
        Self { prober, patience }
    }

    /// The host's own addresses, which count or not, and the endpoints of its targets, which always do.
    pub async fn places(&self, own: Own<'_>, counts: bool, endpoints: &[SocketAddr]) -> Result<Places, ProbeError> {
        let asked = self.prober.addresses(own.host, own.port, own.addresses).await;
        let at_host = match asked {
            Ok(addresses) => addresses,
            // A hint that cannot be had is none.
            Err(_) if !counts => crate::probe::Addresses::default(),
            Err(error) => return Err(error),
        };
        let mut all = endpoint_places(endpoints);
        let further = at_host.all.into_iter().filter(|address| !endpoints.contains(address));
        all.extend(further.map(|address| Viewpoint { address, counts }));
        Ok(Places {
            all,
            left_out: at_host.left_out,
        })
    }

    /// What each serves, whatever it is: so many good looks, or one that fails.
    pub async fn look(&self, host: &Hostname, places: &[(Viewpoint, Goal)]) -> Vec<Tally> {
        let now = Instant::now();
        let until = Until {
            patience: now,
            end: now + self.patience,
        };
        self.look_until(host, places, until, |_| true).await
    }

    /// Looks until every place that counts shows what is awaited, often enough in a row; those that do are left in peace.
    pub async fn until(
        &self,
        host: &Hostname,
        places: &[(Viewpoint, Goal)],
        time_left: Duration,
        awaited: impl Fn(&Presented) -> bool,
    ) -> Vec<Tally> {
        let (now, left) = (Instant::now(), time_left.saturating_sub(RESERVE));
        let until = Until {
            patience: now + self.patience.min(left),
            end: now + left,
        };
        self.look_until(host, places, until, awaited).await
    }

    #[expect(clippy::disallowed_methods, reason = "within the time that is left for the look")]
    async fn look_until(
        &self,
        host: &Hostname,
        places: &[(Viewpoint, Goal)],
        until: Until,
        awaited: impl Fn(&Presented) -> bool,
    ) -> Vec<Tally> {
        let (permits, awaited) = (Semaphore::new(AT_ONCE), &awaited);
        let looks = places.iter().map(async |(place, goal)| {
            let mut tally = Tally::new(place.address, goal.clone());
            let mut wait = FIRST_WAIT;
            loop {
                // It is never closed.
                let permit = permits.acquire().await;
                let seen = self.prober.look(host, place.address).await;
                drop(permit);
                let good = seen.as_ref().is_ok_and(awaited);
                tally.add(seen, good);
                let now = Instant::now();
                if !place.counts || tally.is_settled() || now >= until.end || !good && now + wait > until.patience {
                    return tally;
                }
                if !good {
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        });
        join_all(looks).await
    }

    pub fn snapshots(&self, host: &Hostname, seen: &[Tally], now: Timestamp) -> Vec<Snapshot> {
        seen.iter().map(|one| self.prober.snapshot(host, one, now)).collect()
    }
}

/// Each once, even when two targets answer at the same.
pub fn endpoint_places(endpoints: &[SocketAddr]) -> Vec<Viewpoint> {
    let each: BTreeSet<SocketAddr> = endpoints.iter().copied().collect();
    each.into_iter()
        .map(|address| Viewpoint { address, counts: true })
        .collect()
}

/// The looks that a run wants of each place; more where the host served several leaves when it was last looked at.
pub fn for_a_run(places: &[Viewpoint], was_mixed: bool) -> Vec<(Viewpoint, Goal)> {
    let goal = Goal {
        looks: GOOD_LOOKS,
        was_mixed,
        known: None,
    };
    places.iter().map(|place| (*place, goal.clone())).collect()
}

//! How many orders a lane may have out. Pure.
//!
//! An order that a worker has had in flight for long takes a place of its own: hosts that hang fill
//! those places, and leave the others to hosts that do not. They may be many, as waiting costs a
//! worker little. What failed before is tried again in a small lane of its own for the same reason.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::lane::{Kind, Lane, Pool};
use store::{LaneRoom, LoadedRun};

use domain::run::{Mode, Position, keeps_window};
use domain::window;

use crate::config::Windows;
use crate::ledger::backlog::{self, OutForLong};
use crate::ledger::rules::Rules;

/// Windows of a host and of its job that never meet, as far as was looked, are looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Orders of a lane, or of a pool of lanes.
#[derive(Debug, Default, Clone, Copy)]
struct Out {
    quick: i64,
    slow: i64,
}

/// Places of orders that are quick, and further ones of those that hang.
#[derive(Debug, Clone, Copy)]
struct Places {
    quick: i64,
    hanging: i64,
}

impl Out {
    fn all(self) -> i64 {
        self.quick + self.slow
    }

    /// What is left of the places when so many orders are with no worker.
    fn leaves(self, places: Places, undelivered: i64) -> i64 {
        let hanging = (self.slow - undelivered).clamp(0, places.hanging);
        places.quick - (self.all() - hanging)
    }

    fn count(&mut self, quick: i64, slow: i64) {
        self.quick += quick;
        self.slow += slow;
    }
}

/// What is out in each lane, but for what was seen once for all.
pub(crate) struct OrdersOut {
    pub(crate) lanes: Vec<LaneRoom>,
    /// What went out before is slow.
    pub(crate) quick_since: Timestamp,
}

/// The places of every lane, counted down as orders are released.
pub(crate) struct Rooms {
    windows: Windows,
    rules: Arc<Rules>,
    seen: Arc<OutForLong>,
    /// What went out before is slow.
    quick_since: Timestamp,
    lanes: HashMap<Lane, Out>,
    /// What the lanes of a pool have out together.
    pools: HashMap<Lane, Out>,
    /// Tokens of the buckets for which lanes wait.
    tokens: HashMap<Lane, i64>,
}

impl Rooms {
    pub(crate) fn new(windows: Windows, rules: Arc<Rules>, out: OrdersOut, seen: Arc<OutForLong>) -> Self {
        let mut rooms = Self {
            windows,
            rules,
            seen: Arc::clone(&seen),
            quick_since: out.quick_since,
            lanes: HashMap::new(),
            pools: HashMap::new(),
            tokens: HashMap::new(),
        };
        for room in out.lanes.iter().chain(&seen.slow) {
            rooms.count(room.lane.clone(), room.out - room.slow, room.slow);
        }
        rooms
    }

    pub(crate) fn free(&self, lane: &Lane) -> i64 {
        let out = self.lanes.get(lane).copied().unwrap_or_default();
        let free = match lane.kind() {
            Some(Kind::Pool(pool)) => self.free_in(&pool),
            Some(Kind::Again(pool)) => {
                let quick = i64::from(self.windows.again);
                let hanging = places(&self.windows, &pool).hanging;
                out.leaves(Places { quick, hanging }, self.undelivered(&pool))
            }
            Some(Kind::Group { .. }) => {
                let at_once = self.rules.at_once(lane).map_or(i64::MAX, i64::from);
                (at_once - out.all()).min(self.free_in(&Pool::Deployer))
            }
            Some(Kind::Limit { limit, .. }) => {
                let tokens = self.tokens.get(lane).copied().unwrap_or(i64::MAX);
                match self.rules.limit(limit) {
                    Some(limit) => tokens.min(self.free_in(&Pool::Ca(limit.ca.clone()))),
                    // What a CA has said itself; or the limit is gone, and its runs go back to the
                    // lane of their CA.
                    None => tokens.min(i64::from(self.windows.acme_orders_per_ca)),
                }
            }
            // A lane of another version: one after the other.
            None => 1 - out.all(),
        };
        free.max(0)
    }

    fn free_in(&self, pool: &Pool) -> i64 {
        let out = self.pools.get(&Lane::pool(pool.clone())).copied().unwrap_or_default();
        out.leaves(places(&self.windows, pool), self.undelivered(pool))
    }

    /// Of a service that was not asked about, all may be.
    fn undelivered(&self, pool: &Pool) -> i64 {
        let seen = self.seen.undelivered.get(&backlog::worker(pool));
        seen.copied().unwrap_or(i64::MAX)
    }

    /// Something has been out for long.
    pub(crate) fn has_slow(&self) -> bool {
        self.lanes.values().any(|out| out.slow > 0)
    }

    pub(crate) fn take(&mut self, lane: Lane) {
        self.count(lane, 1, 0);
    }

    /// An order that went out then has been answered.
    pub(crate) fn give_back(&mut self, lane: Lane, since: Timestamp) {
        let (quick, slow) = if since < self.quick_since { (0, -1) } else { (-1, 0) };
        self.count(lane, quick, slow);
    }

    pub(crate) fn has_tokens(&mut self, lane: Lane, tokens: u32) {
        self.tokens.insert(lane, i64::from(tokens));
    }

    fn count(&mut self, lane: Lane, quick: i64, slow: i64) {
        if let Some(pool) = lane.places() {
            self.pools.entry(pool).or_default().count(quick, slow);
        }
        self.lanes.entry(lane).or_default().count(quick, slow);
    }
}

fn places(windows: &Windows, pool: &Pool) -> Places {
    let (quick, hanging) = match pool {
        Pool::KeySigner => (windows.key_signer, 0),
        Pool::Ca(_) => (windows.acme_orders_per_ca, windows.slow_acme_orders_per_ca),
        Pool::Deployer => (windows.deployer, windows.slow_deployer),
        Pool::Verifier => (windows.verifier, windows.slow_verifier),
        Pool::Tidy => (windows.tidy, 0),
        Pool::Incident => (windows.incident, 0),
    };
    Places {
        quick: i64::from(quick),
        hanging: i64::from(hanging),
    }
}

/// When the window opens for which this run must wait before its next step. What would have expired
/// by then goes now.
pub(crate) fn closed_until(run: &LoadedRun, now: Timestamp) -> Option<Timestamp> {
    let Position::Waiting { step, .. } = &run.state.position else {
        return None;
    };
    if run.head.mode != Mode::Live || !keeps_window(*step, run.state.checkpoint.as_ref()) {
        return None;
    }
    let (own, of_job) = (&run.plan.windows, &run.plan.windows_of_job);
    let meet = !own.is_empty() && !of_job.is_empty();
    let opens = window::both_open(own, of_job, now).or_else(|| meet.then(|| now.plus(LOOK_AGAIN)));
    let opens = opens.filter(|opens| *opens > now)?;
    let too_late = run.plan.expires_at.is_some_and(|end| end <= opens);
    (!too_late).then_some(opens)
}

#[cfg(test)]
mod tests;

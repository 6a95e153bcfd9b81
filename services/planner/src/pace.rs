//! How many orders a lane may have out. Pure.
//!
//! An order that has been out for long takes a place of its own: hosts that hang fill those places, and leave the others to
//! hosts that do not. What failed before is tried again in a small lane of its own for the same reason.

use std::collections::HashMap;
use std::sync::Arc;

use domain::Timestamp;
use domain::lane::{Kind, Lane, Pool};
use store::{LaneRoom, LoadedRun};

use domain::run::{Mode, Position, keeps_window};
use domain::window;

use crate::config::Windows;
use crate::rules::Rules;

/// Orders of a lane, or of a pool of lanes.
#[derive(Debug, Default, Clone, Copy)]
struct Out {
    quick: i64,
    slow: i64,
}

impl Out {
    fn all(self) -> i64 {
        self.quick + self.slow
    }

    fn count(&mut self, quick: i64, slow: i64) {
        self.quick += quick;
        self.slow += slow;
    }
}

/// The places of every lane, counted down as orders are released.
pub(crate) struct Rooms {
    windows: Windows,
    rules: Arc<Rules>,
    lanes: HashMap<Lane, Out>,
    /// What the lanes of a pool have out together.
    pools: HashMap<Lane, Out>,
    /// Tokens of the buckets for which lanes wait.
    tokens: HashMap<Lane, i64>,
}

impl Rooms {
    pub(crate) fn new(windows: Windows, rules: Arc<Rules>, out: Vec<LaneRoom>) -> Self {
        let mut rooms = Self {
            windows,
            rules,
            lanes: HashMap::new(),
            pools: HashMap::new(),
            tokens: HashMap::new(),
        };
        for room in out {
            rooms.count(room.lane, room.out - room.slow, room.slow);
        }
        rooms
    }

    pub(crate) fn free(&self, lane: &Lane) -> i64 {
        let out = self.lanes.get(lane).copied().unwrap_or_default().all();
        let free = match lane.kind() {
            Some(Kind::Pool(pool)) => self.free_in(pool),
            Some(Kind::Again(_)) => i64::from(self.windows.again) - out,
            Some(Kind::Group { .. }) => {
                let at_once = self.rules.at_once(lane).map_or(i64::MAX, i64::from);
                (at_once - out).min(self.free_in(Pool::Deployer))
            }
            Some(Kind::Limit { limit, .. }) => {
                let tokens = self.tokens.get(lane).copied().unwrap_or(i64::MAX);
                match self.rules.limit(limit) {
                    Some(limit) => tokens.min(self.free_in(Pool::Ca(limit.directory_url.as_str()))),
                    // The limit is gone: its runs go back to the lane of their CA.
                    None => i64::from(self.windows.acme_orders_per_ca),
                }
            }
            // A lane of another version: one after the other.
            None => 1 - out,
        };
        free.max(0)
    }

    fn free_in(&self, pool: Pool) -> i64 {
        let out = self.pools.get(&Lane::pool(pool)).copied().unwrap_or_default();
        let (quick, slow) = places(&self.windows, pool);
        quick - out.quick - (out.slow - slow).max(0)
    }

    pub(crate) fn take(&mut self, lane: Lane) {
        self.count(lane, 1, 0);
    }

    pub(crate) fn give_back(&mut self, lane: Lane, was_slow: bool) {
        let (quick, slow) = if was_slow { (0, -1) } else { (-1, 0) };
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

/// Places of orders that are quick, and further ones of those that are not.
fn places(windows: &Windows, pool: Pool) -> (i64, i64) {
    let (quick, slow) = match pool {
        Pool::KeySigner => (windows.key_signer, 0),
        Pool::Ca(_) => (windows.acme_orders_per_ca, windows.slow_acme_orders_per_ca),
        Pool::Deployer => (windows.deployer, windows.slow_deployer),
        Pool::Verifier => (windows.verifier, windows.slow_verifier),
        Pool::Tidy => (windows.tidy, 0),
        Pool::Incident => (windows.incident, 0),
    };
    (i64::from(quick), i64::from(slow))
}

/// When the window opens for which this run must wait before its next step. What would have expired by then goes now.
pub(crate) fn closed_until(run: &LoadedRun, now: Timestamp) -> Option<Timestamp> {
    let Position::Waiting { step, .. } = &run.state.position else {
        return None;
    };
    if run.head.mode != Mode::Live || !keeps_window(*step, run.state.checkpoint.as_ref()) {
        return None;
    }
    let opens = window::next_open(&run.plan.windows, now).filter(|opens| *opens > now)?;
    let too_late = run.plan.expires_at.is_some_and(|end| end <= opens);
    (!too_late).then_some(opens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(out: &[(&Lane, i64, i64)]) -> Rooms {
        let windows = Windows {
            deployer: 4,
            slow_deployer: 2,
            again: 1,
            ..Windows::default()
        };
        let rules = Rules::of(Vec::new(), [(Lane::new("group default edge-lb"), 2)]);
        let out = out.iter().map(|(lane, out, slow)| LaneRoom {
            lane: (*lane).clone(),
            out: *out,
            slow: *slow,
        });
        Rooms::new(windows, Arc::new(rules), out.collect())
    }

    #[test]
    fn stuck_orders_leave_the_places_of_quick_ones_free_until_their_own_are_full() {
        let deployer = Lane::pool(Pool::Deployer);
        for (out, slow, free) in [(0, 0, 4), (3, 0, 1), (3, 2, 3), (6, 2, 0), (6, 6, 0), (9, 2, 0)] {
            assert_eq!(
                rooms(&[(&deployer, out, slow)]).free(&deployer),
                free,
                "{out} out, {slow} slow"
            );
        }
    }

    #[test]
    fn retries_take_no_place_of_what_is_new() {
        let (deployer, again) = (Lane::pool(Pool::Deployer), Lane::again(Pool::Deployer));
        let full = rooms(&[(&again, 1, 0)]);
        assert_eq!((full.free(&again), full.free(&deployer)), (0, 4));
    }

    #[test]
    fn a_group_has_its_own_bound_within_that_of_the_deployer() {
        let (deployer, group) = (Lane::pool(Pool::Deployer), Lane::new("group default edge-lb"));
        let mut rooms = rooms(&[(&group, 1, 0)]);
        assert_eq!((rooms.free(&group), rooms.free(&deployer)), (1, 3));
        rooms.take(group.clone());
        assert_eq!((rooms.free(&group), rooms.free(&deployer)), (0, 2));
        rooms.give_back(group.clone(), false);
        assert_eq!(rooms.free(&group), 1);
        assert_eq!(rooms.free(&Lane::new("group default without-a-row")), 3);
    }
}

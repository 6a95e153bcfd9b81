use protocol::subjects::Worker;

use super::*;
use crate::ledger::positions;

fn windows() -> Windows {
    Windows {
        deployer: 4,
        slow_deployer: 2,
        again: 1,
        ..Windows::default()
    }
}

fn rooms_of(windows: Windows, out: &[(&Lane, i64, i64)], undelivered: &HashMap<Worker, i64>) -> Rooms {
    let rules = Rules::of(Vec::new(), [(Lane::new("group default edge-lb"), 2)]);
    let out = out.iter().map(|(lane, out, slow)| LaneRoom {
        lane: (*lane).clone(),
        out: *out,
        slow: *slow,
    });
    let seen = OutForLong {
        undelivered: undelivered.clone(),
        ..OutForLong::nothing()
    };
    let out = OrdersOut {
        lanes: out.collect(),
        quick_since: at(100),
    };
    Rooms::new(windows, Arc::new(rules), out, Arc::new(seen))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(second).expect("a time")
}

/// Every order that is out is in a worker's hands.
fn in_flight() -> HashMap<Worker, i64> {
    Worker::ALL.map(|worker| (worker, 0)).into_iter().collect()
}

fn rooms(out: &[(&Lane, i64, i64)]) -> Rooms {
    rooms_of(windows(), out, &in_flight())
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
fn what_lies_undelivered_hangs_with_no_host_and_gets_no_further_place() {
    let deployer = Lane::pool(Pool::Deployer);
    let some = |orders| HashMap::from([(Worker::Deployer, orders)]);
    for (undelivered, free) in [
        (some(0), 2),
        (some(1), 1),
        (some(2), 0),
        (some(4), 0),
        (HashMap::new(), 0),
    ] {
        let rooms = rooms_of(windows(), &[(&deployer, 4, 2)], &undelivered);
        assert_eq!(rooms.free(&deployer), free, "{undelivered:?}");
    }
}

#[test]
fn what_was_counted_before_counts_beside_the_rest() {
    let deployer = Lane::pool(Pool::Deployer);
    let room = |out, slow| LaneRoom {
        lane: deployer.clone(),
        out,
        slow,
    };
    let seen = OutForLong {
        before: at(90),
        slow: vec![room(1, 1)],
        undelivered: in_flight(),
    };
    let rules = Arc::new(Rules::of(Vec::new(), []));
    let out = OrdersOut {
        lanes: vec![room(3, 1)],
        quick_since: at(100),
    };
    let rooms = Rooms::new(windows(), rules, out, Arc::new(seen));
    assert_eq!(
        rooms.free(&deployer),
        2,
        "two quick ones, and two that hang in places of their own"
    );
}

#[test]
fn an_answer_gives_back_the_place_that_its_order_took() {
    let deployer = Lane::pool(Pool::Deployer);
    for (went_out, free) in [(at(99), 1), (at(100), 2)] {
        let mut rooms = rooms(&[(&deployer, 5, 2)]);
        rooms.give_back(deployer.clone(), went_out);
        assert_eq!(rooms.free(&deployer), free);
    }
}

#[test]
fn retries_take_no_place_of_what_is_new_and_those_that_hang_none_of_other_retries() {
    let (deployer, again) = (Lane::pool(Pool::Deployer), Lane::again(Pool::Deployer));
    for (out, slow, free) in [(1, 0, 0), (1, 1, 1), (3, 2, 0)] {
        let rooms = rooms(&[(&again, out, slow)]);
        assert_eq!(
            (rooms.free(&again), rooms.free(&deployer)),
            (free, 4),
            "{out} out, {slow} slow"
        );
    }
}

#[test]
fn a_group_has_its_own_bound_within_that_of_the_deployer() {
    let (deployer, group) = (Lane::pool(Pool::Deployer), Lane::new("group default edge-lb"));
    let mut rooms = rooms(&[(&group, 1, 0)]);
    assert_eq!((rooms.free(&group), rooms.free(&deployer)), (1, 3));
    rooms.take(group.clone());
    assert_eq!((rooms.free(&group), rooms.free(&deployer)), (0, 2));
    rooms.give_back(group.clone(), at(101));
    assert_eq!(rooms.free(&group), 1);
    assert_eq!(rooms.free(&Lane::new("group default without-a-row")), 3);
}

/// What a night looks like to one pool: so many hosts in their order, a planner that releases so many orders per second,
/// workers that answer at once, or, for those that hang, when their patience ends.
struct Night {
    hosts: usize,
    per_second: usize,
    answers_ms: usize,
    hangs_ms: usize,
}

const TICK_MS: usize = 20;

impl Night {
    /// The millisecond in which the last host that does not hang has been answered, the places being those of the default
    /// settings; by a clock of its own.
    fn good_ones_end(&self, hangs: impl Fn(usize) -> bool) -> usize {
        let (windows, verifier) = (Windows::default(), Lane::pool(Pool::Verifier));
        let slow_after = usize::try_from(windows.slow_after().as_millis()).expect("milliseconds");
        let (mut next, mut last, mut now) = (0, 0, 0);
        // When they went out and when they will be answered.
        let mut out: Vec<(usize, usize)> = Vec::new();
        while next < self.hosts {
            out.retain(|(_, ends)| *ends > now);
            // At the worst as it was a second ago.
            let slow = out.iter().filter(|(since, _)| since + slow_after + 1_000 < now).count();
            let count = |number: usize| i64::try_from(number).expect("a count");
            let rooms = rooms_of(windows, &[(&verifier, count(out.len()), count(slow))], &in_flight());
            let free = usize::try_from(rooms.free(&verifier)).expect("a count");
            for _ in 0..free.min(self.per_second * TICK_MS / 1_000).min(self.hosts - next) {
                let takes = if hangs(next) { self.hangs_ms } else { self.answers_ms };
                if !hangs(next) {
                    last = now + takes;
                }
                out.push((now, now + takes));
                next += 1;
            }
            now += TICK_MS;
        }
        last
    }
}

#[test]
fn a_tenth_that_hangs_delays_the_others_by_less_than_a_twentieth() {
    // More than one planner releases; a verifier gives up on a mute host after 20 seconds.
    let night = Night {
        hosts: 20_000,
        per_second: 500,
        answers_ms: 80,
        hangs_ms: 20_000,
    };
    let none = night.good_ones_end(|_| false);
    // As a job gives its turns, neighbours apart.
    let mut host_of = vec![0; night.hosts];
    for (host, nr) in (0..night.hosts).zip(0..) {
        host_of[positions::apart(nr, 20_000) as usize] = host;
    }
    let tenth = night.hosts / 10;
    for first in (0..=night.hosts - tenth).step_by(1_500) {
        let one_rack = |turn: usize| (first..first + tenth).contains(&host_of[turn]);
        let here_and_there = |turn: usize| (host_of[turn] * 7 + first).is_multiple_of(10);
        for some in [night.good_ones_end(one_rack), night.good_ones_end(here_and_there)] {
            assert!(
                some * 20 <= none * 21,
                "{some} ms with a tenth stuck from {first}, {none} ms without"
            );
        }
    }
}

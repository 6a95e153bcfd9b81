//! When a CA wants a certificate renewed, and the one instant of it that is ours.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::PolicyId;
use crate::invalid::Invalid;

/// Part of a life that a renewal needs: what is suggested for later leaves no time for a second try.
const LEFT_AT_LEAST: u32 = 20;

/// From `start` to before `end`; an empty one is none (RFC 9773 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

#[derive(Deserialize)]
struct Bounds {
    start: Timestamp,
    end: Timestamp,
}

impl TryFrom<Bounds> for Window {
    type Error = Invalid;

    fn try_from(bounds: Bounds) -> Result<Self, Invalid> {
        Self::new(bounds.start, bounds.end)
    }
}

impl Window {
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, Invalid> {
        if start < end {
            return Ok(Self { start, end });
        }
        Err(Invalid::new(
            "suggestedWindow",
            format!("it ends at {end}, not after its start at {start}"),
            "the end must be after the start (RFC 9773 §4.2)",
        ))
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn end(&self) -> Timestamp {
        self.end
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// The whole of it has gone: renew now.
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.end <= now
    }

    /// The part of it that leaves time to renew a certificate that lives from `from` to before `until`; nothing when it
    /// begins too late for that, or after the end.
    pub fn in_life(&self, from: Timestamp, until: Timestamp) -> Option<Self> {
        let last = until.minus(until.since(from) / LEFT_AT_LEAST);
        Self::new(self.start, self.end.min(last)).ok()
    }

    /// What both have in common.
    fn shared(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }
}

/// What the CA suggests for one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub window: Window,
    /// A page of the CA that says why; shown to people, never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation_url: Option<String>,
}

/// The instant of the window at which this policy renews: uniform over the time in which it may (`open`, in the order of
/// time), over the whole window when none of that lies in it. Every planner finds the same one.
pub fn pick(window: &Window, policy: PolicyId, open: impl IntoIterator<Item = Window>) -> Timestamp {
    let mut parts: Vec<Window> = open
        .into_iter()
        .take_while(|slot| slot.start < window.end)
        .filter_map(|slot| slot.shared(window))
        .collect();
    if parts.is_empty() {
        parts.push(*window);
    }
    let whole = parts.iter().map(|part| part.end.since(part.start)).sum();
    let mut left = super::share(policy.get(), whole);
    for part in &parts {
        let length = part.end.since(part.start);
        if left < length {
            return part.start.plus(left);
        }
        left -= length;
    }
    // A share is always smaller than the whole.
    window.start
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600;

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(hours * HOUR))
    }

    fn window(start: u64, end: u64) -> Window {
        Window::new(at(start), at(end)).expect("a window")
    }

    #[test]
    fn a_window_that_does_not_end_after_its_start_is_refused_on_the_wire_too() {
        for end in [10, 9] {
            assert!(Window::new(at(10), at(end)).is_err());
            let wire = serde_json::json!({"start": at(10), "end": at(end)});
            assert!(serde_json::from_value::<Window>(wire).is_err());
        }
        let good = window(10, 11);
        let wire = serde_json::to_value(good).expect("it is written");
        assert_eq!(serde_json::from_value::<Window>(wire).expect("it is read"), good);
    }

    #[test]
    fn of_a_window_only_what_leaves_time_to_renew_is_used() {
        let life = |said: Window| said.in_life(at(0), at(100));
        assert_eq!(life(window(60, 62)), Some(window(60, 62)));
        assert_eq!(life(window(60, 9_999)), Some(window(60, 95)));
        for nonsense in [window(95, 99), window(100, 101), window(9_000, 9_999)] {
            assert_eq!(life(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn policies_are_spread_evenly_over_the_window() {
        let window = window(0, 40);
        let mut hours = [0_u32; 40];
        for _ in 0..40_000 {
            let picked = pick(&window, PolicyId::new(), []);
            let hour = picked.since(at(0)).as_secs() / HOUR;
            hours[usize::try_from(hour).expect("small")] += 1;
        }
        assert!(hours.iter().all(|count| (850..1_150).contains(count)), "{hours:?}");
    }

    #[test]
    fn only_the_open_hours_are_used_each_in_its_share() {
        let nights = (0..100).map(|day| window(day * 24 + 22, day * 24 + 30));
        let (mut first, mut second) = (0_u32, 0_u32);
        for _ in 0..4_000 {
            let picked = pick(&window(20, 56), PolicyId::new(), nights.clone());
            if window(22, 30).contains(picked) {
                first += 1;
            } else {
                assert!(window(46, 54).contains(picked), "{picked}");
                second += 1;
            }
        }
        assert!((1_800..2_200).contains(&first) && second > 0, "{first} and {second}");
    }

    proptest! {
        #[test]
        fn the_picked_instant_lies_in_the_window_and_stays_the_same(
            start in 0_u64..1_000, length in 1_u64..2_000, slot in 0_u64..1_500, open in 1_u64..50
        ) {
            let (policy, window, slot) = (PolicyId::new(), window(start, start + length), window(slot, slot + open));
            let picked = pick(&window, policy, [slot]);
            prop_assert!(window.contains(picked));
            prop_assert!(window.shared(&slot).is_none() || slot.contains(picked));
            prop_assert_eq!(pick(&window, policy, [slot]), picked);
        }
    }
}

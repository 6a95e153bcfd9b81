//! When a CA wants certificates renewed at once, and when it wants that of so many that people must know.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::Window;
use crate::clock::Timestamp;

/// What was known of a certificate before its CA spoke.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub window: Option<&'a Window>,
    pub life: (Timestamp, Timestamp),
    /// A run of ours got it, and this is the first that its CA says of it.
    pub is_new_of_ours: bool,
}

/// Whether the CA has just called for renewal at once: its window lies in the past now, and did not before; or, where
/// nothing was known before, it ended in the first half of the certificate's life, in which no CA suggests to renew. What a
/// CA says so of a certificate that it has just issued to us is no call: it says so of every one.
pub fn calls_for_renewal(known: Known<'_>, said: &Window, now: Timestamp) -> bool {
    let (from, until) = known.life;
    let earlier = match known.window {
        Some(before) => !before.is_past(now),
        None => !known.is_new_of_ours && said.end() < from.plus(until.since(from) / 2),
    };
    said.is_past(now) && earlier
}

/// From when on calls of one CA are an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threshold {
    /// So many certificates at least.
    pub certificates: u32,
    /// And this part of those that the CA issued.
    pub percent: u32,
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            certificates: 10,
            percent: 5,
        }
    }
}

impl Threshold {
    pub fn is_met(self, called: u64, of: u64) -> bool {
        called >= u64::from(self.certificates) && called * 100 >= of * u64::from(self.percent)
    }
}

/// Until when a CA must have revoked (Baseline Requirements §4.9.1.1): which of the two holds, its page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deadlines {
    /// Keys are known to others, or the names were not proven: 24 hours.
    pub grave_until: Timestamp,
    /// Everything else: five days.
    pub other_until: Timestamp,
}

impl Deadlines {
    const DAY: Duration = Duration::from_secs(24 * 3600);

    pub fn from(called_at: Timestamp) -> Self {
        Self {
            grave_until: called_at.plus(Self::DAY),
            other_until: called_at.plus(Self::DAY * 5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(n * 86_400))
    }

    fn window(start: u64, end: u64) -> Window {
        Window::new(day(start), day(end)).expect("a window")
    }

    #[test]
    fn a_window_that_jumps_into_the_past_is_a_call_and_one_that_grew_old_is_none() {
        let (life, usual, gone, open) = ((day(0), day(90)), window(58, 60), window(8, 9), window(9, 11));
        let known = |window, is_new_of_ours| Known {
            window,
            life,
            is_new_of_ours,
        };
        let called = |before, said: &Window, now| calls_for_renewal(known(before, false), said, day(now));
        assert!(called(Some(&usual), &gone, 10));
        assert!(called(Some(&open), &gone, 10), "it was open before");
        assert!(called(None, &gone, 10), "nobody had asked before");
        assert!(!called(Some(&gone), &window(7, 8), 10), "it was called for before");
        assert!(!called(Some(&usual), &window(10, 12), 11), "earlier, but not at once");
        assert!(!called(Some(&usual), &usual, 70), "the renewal is late, nothing else");
        assert!(!called(None, &usual, 70), "adopted late in its life");
        let of_ours = |before| calls_for_renewal(known(before, true), &gone, day(10));
        assert!(
            !of_ours(None),
            "past from the first answer on: the CA says so of every one"
        );
        assert!(of_ours(Some(&usual)), "it jumped");
    }

    #[test]
    fn many_are_so_many_and_a_part_of_all() {
        let usual = Threshold::default();
        for (called, of, met) in [
            (9, 9, false),
            (10, 200, true),
            (10, 201, false),
            (50_000, 100_000, true),
        ] {
            assert_eq!(usual.is_met(called, of), met, "{called} of {of}");
        }
    }
}

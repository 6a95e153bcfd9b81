//! When to try again if the other side did not say: a doubling wait with jitter, from the number of failures.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(600);

/// What is waited for patiently is put to a person after this many tries in a row: with the waits below, some hours.
pub const LONG_PATIENCE: u32 = 40;

/// The waits between tries of a step that failed, when the other side did not say how long. Let's Encrypt's advice to
/// integrators: after 1, 10 and 100 minutes, then daily.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub rungs_seconds: Vec<u32>,
    /// After the last rung a person is asked, and the step tries again by itself this often.
    pub then_seconds: u32,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            rungs_seconds: vec![60, 600, 6_000],
            then_seconds: 86_400,
        }
    }
}

impl Ladder {
    /// The wait after so many failures in a row, the first being 0.
    pub fn wait(&self, failures: u32) -> Duration {
        let rung = usize::try_from(failures).ok().and_then(|n| self.rungs_seconds.get(n));
        Duration::from_secs(u64::from(*rung.unwrap_or(&self.then_seconds)))
    }

    /// How many failures in a row end in a question.
    pub fn patience(&self) -> u32 {
        u32::try_from(self.rungs_seconds.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }
}

/// When a step that failed is tried again: what a verdict needs beside the error.
#[derive(Debug, Clone, Copy)]
pub struct NextTry {
    pub now: Timestamp,
    /// Failures of this step so far.
    pub failures: u32,
    /// The ladder's wait.
    pub wait: Duration,
    /// In `0.0..1.0`, so that a thousand runs that failed together do not return together.
    pub jitter: f64,
}

impl NextTry {
    /// For our own fleet, which is back in moments.
    pub fn soon(self) -> Timestamp {
        self.now.plus(wait_after(self.failures, self.jitter))
    }

    /// For the other side, which said nothing: the ladder's wait and up to a tenth more.
    pub fn later(self) -> Timestamp {
        self.now
            .plus(self.wait.mul_f64(1.0 + self.jitter.clamp(0.0, 1.0) / 10.0))
    }
}

/// The wait before try `failures + 1`. `jitter` lies in `0.0..1.0` and takes up to half of the wait away, so that
/// a thousand runs that failed together do not return together.
pub fn wait_after(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    let full = doubled.min(LONGEST);
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_a_minute_ten_a_hundred_then_a_day() {
        let ladder = Ladder::default();
        let minutes: Vec<u64> = (0..5).map(|n| ladder.wait(n).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 10, 100, 1_440, 1_440]);
        assert_eq!(ladder.patience(), 4);
    }

    #[test]
    fn waits_grow_to_a_bound_and_jitter_only_shortens() {
        assert_eq!(wait_after(0, 0.0), FIRST);
        assert_eq!(wait_after(3, 0.0), FIRST * 8);
        assert_eq!(wait_after(u32::MAX, 0.0), LONGEST);
        assert_eq!(wait_after(1, 1.0), FIRST);
    }
}

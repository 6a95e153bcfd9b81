//! How much one service may ask, and when its refusals are an alarm: a worker that was broken into,
//! or that is wrongly set up, is seen by its number, and delays no other sender.
//!
//! In: who asked when. Out: the answer to what is over, and one line of the log for each minute
//! that has such. Never: a limit that one asker's questions take from another.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::custody::CustodyAnswer;
use protocol::subjects::Asker;
use tracing::error;

const WINDOW: Duration = Duration::from_secs(60);
/// So many refusals of one asker within a minute are no accident.
const ALARM: u32 = 10;

pub(super) struct Limits {
    per_minute: u32,
    windows: Mutex<BTreeMap<Asker, Window>>,
}

struct Window {
    since: Instant,
    asked: u32,
    refused: u32,
}

impl Limits {
    pub(super) const fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            windows: Mutex::new(BTreeMap::new()),
        }
    }

    /// Counts a question; gives the answer to one that is over.
    pub(super) fn over(&self, asker: Asker, now: Instant) -> Option<CustodyAnswer> {
        let asked = self.in_window(asker, now, |window| {
            window.asked = window.asked.saturating_add(1);
            window.asked
        });
        if asked <= self.per_minute {
            return None;
        }
        let allowed = self.per_minute;
        if is_first_over(asked, allowed) {
            error!(
                who = %asker, allowed,
                "custody: more questions within a minute than questions_per_minute allows; the rest is not served"
            );
        }
        Some(CustodyAnswer::Unavailable {
            reason: format!(
                "the {asker} has asked {allowed} times within a minute, as often as questions_per_minute of the key-signer allows; \
                 it may ask again in the next minute"
            ),
        })
    }

    /// Counts a refusal; says whether it was the one that is told.
    pub(super) fn refused(&self, asker: Asker, now: Instant) -> bool {
        let refused = self.in_window(asker, now, |window| {
            window.refused = window.refused.saturating_add(1);
            window.refused
        });
        let alarming = is_first_over(refused, ALARM);
        if alarming {
            error!(
                who = %asker, refused,
                "custody: refused again and again; this service is of another version, wrongly set up, or broken into"
            );
        }
        alarming
    }

    fn in_window(&self, asker: Asker, now: Instant, count: impl FnOnce(&mut Window) -> u32) -> u32 {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Window {
            since: now,
            asked: 0,
            refused: 0,
        };
        let window = windows.entry(asker).or_insert_with(fresh);
        if now.saturating_duration_since(window.since) >= WINDOW {
            *window = fresh();
        }
        count(window)
    }
}

const fn is_first_over(count: u32, allowed: u32) -> bool {
    count == allowed.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use protocol::subjects::Worker;

    use super::*;

    const ISSUER: Asker = Asker::Worker(Worker::Issuer);
    const DEPLOYER: Asker = Asker::Worker(Worker::Deployer);

    #[test]
    fn what_is_over_is_refused_with_the_reason_until_the_minute_is_over() {
        let (limits, now) = (Limits::new(3), Instant::now());
        for _ in 0..3 {
            assert_eq!(limits.over(DEPLOYER, now), None);
        }
        let Some(CustodyAnswer::Unavailable { reason }) = limits.over(DEPLOYER, now) else {
            panic!("the fourth was let through");
        };
        assert!(
            reason.contains("deployer") && reason.contains("questions_per_minute") && reason.contains('3'),
            "{reason}"
        );
        assert_eq!(limits.over(ISSUER, now), None, "another's questions are its own");
        assert!(
            limits
                .over(DEPLOYER, now + WINDOW.saturating_sub(Duration::from_secs(1)))
                .is_some()
        );
        assert_eq!(limits.over(DEPLOYER, now + WINDOW), None);
    }

    #[test]
    fn many_refusals_are_told_once_a_minute_for_each_asker() {
        let (limits, now) = (Limits::new(1_000), Instant::now());
        let told = |asker, at| (0..100).filter(|_| limits.refused(asker, at)).count();
        assert_eq!((told(DEPLOYER, now), told(ISSUER, now)), (1, 1));
        assert_eq!(told(DEPLOYER, now), 0);
        assert_eq!(told(DEPLOYER, now + WINDOW), 1);
    }

    #[test]
    fn a_few_refusals_are_no_alarm() {
        let (limits, now) = (Limits::new(1_000), Instant::now());
        assert_eq!((0..ALARM).filter(|_| limits.refused(DEPLOYER, now)).count(), 0);
    }
}

//! The one rule for a wait that a CA asks for: for an order, an authorization, a new order, a
//! certificate, renewal information. Pure.
//!
//! In: the instant that the CA named, how often in a row it has put us off, when the certificate in
//! service ends. Out: when the CA is asked again, and whether a person is asked first. Never: less
//! than a floor that grows, so that a CA that says "at once" for ever is not asked without end;
//! more than the longest limit of a CA.

use std::time::Duration;

use crate::backoff::NextTry;
use crate::clock::Timestamp;

/// The longest limit that a CA has (Let's Encrypt: 168 h) with a day to spare: a CA that lies parks
/// no run for years.
pub const LONGEST: Duration = Duration::from_secs(8 * 24 * 3600);
/// A host whose certificate has expired is down: a longer wait is a question.
const EXPIRED: Duration = Duration::from_secs(3600);
/// It is not known what a host serves that was never seen.
const UNSEEN: Duration = Duration::from_secs(24 * 3600);

/// When the CA is asked again that has named this instant.
pub fn kept(said: Timestamp, at: NextTry) -> Timestamp {
    let floor = at.soon();
    said.clamp(floor, floor.max(at.now.plus(LONGEST)))
}

/// Whether the certificate in service cannot wait until then: of what is left of its life the half
/// must be left to a person.
pub fn is_too_long(until: Timestamp, expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    let longest = now.plus(longest(expires_at, now));
    match expires_at {
        Some(end) if now < end => until >= longest,
        Some(_) | None => until > longest,
    }
}

/// So long the certificate in service can wait from now on.
pub fn longest(expires_at: Option<Timestamp>, now: Timestamp) -> Duration {
    match expires_at {
        Some(end) if now < end => end.since(now) / 2,
        Some(_) => EXPIRED,
        None => UNSEEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(seconds))
    }

    /// The wait in seconds after so many failures, when the CA named the instant `said` seconds
    /// from now.
    fn wait(said: i64, failures: u32) -> u64 {
        let now = at(100_000);
        let next = NextTry {
            now,
            failures,
            wait: Duration::from_secs(60),
            jitter: 0.0,
        };
        let named = Timestamp::from_unix(100_000 + said).expect("an instant");
        kept(named, next).since(now).as_secs()
    }

    #[test]
    fn at_once_and_a_time_that_has_passed_grow_from_seconds_to_minutes() {
        for said in [0, -90_000] {
            let waits: Vec<u64> = (0..9).map(|failures| wait(said, failures)).collect();
            assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600], "{said}");
        }
    }

    #[test]
    fn the_cas_own_time_is_kept_up_to_its_longest_limit() {
        assert_eq!(
            (wait(60, 0), wait(3_600, 3), wait(7 * 86_400, 0)),
            (60, 3_600, 7 * 86_400)
        );
        assert_eq!(wait(3_000_000, 0), LONGEST.as_secs());
    }

    #[test]
    fn a_wait_beyond_the_certificate_in_service_is_too_long() {
        let (now, day) = (at(100_000), 86_400);
        let judged = |wait: u64, end: Option<u64>| is_too_long(at(100_000 + wait), end.map(at), now);
        assert!(!judged(day, Some(100_000 + 2 * day + 2)));
        assert!(judged(day, Some(100_000 + 2 * day)));
        assert!(!judged(3_600, Some(50_000)), "it has expired: an hour is borne");
        assert!(judged(3_601, Some(50_000)));
        assert!(
            !judged(day, None) && judged(day + 1, None),
            "nobody knows what is served"
        );
    }
}

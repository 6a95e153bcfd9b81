//! What a CA answers, and when it is asked again (RFC 9773 §4.3).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::share;
use super::window::Suggestion;
use crate::clock::Timestamp;
use crate::ids::HostId;

/// How often a CA is asked that does not say how often, and after an answer that will not change
/// soon.
pub const ROUND: Duration = Duration::from_secs(6 * 3600);
/// When a certificate is looked at again whose host has no policy now: then no CA is asked about
/// it.
pub const WITHOUT_POLICY: Duration = ROUND;
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// What passes is tried again after a minute, then four times as late each time, up to a round.
const GROWTH: u32 = 4;
/// A certificate is asked about this often at least in the life that it has left.
const PARTS: u32 = 3;
/// Part of a wait by which certificates drift apart that were asked about at the same instant.
const DRIFT: u32 = 20;

/// What came of a question, as one name each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum RenewalInfoAnswer {
    Suggested {
        suggestion: Suggestion,
        /// The CA's `Retry-After`; nothing when it gave none.
        #[serde(default)]
        retry_at: Option<Timestamp>,
    },
    /// The CA's directory has no renewal information.
    NotOffered,
    /// The CA does not know the certificate.
    Unknown { said: String },
    /// What came is no renewal information, or makes no sense.
    Garbled { said: String },
    /// The CA cannot be asked now.
    Unavailable {
        #[serde(default)]
        until: Option<Timestamp>,
        said: String,
    },
    /// Our own configuration does not let us ask there.
    NotAllowed { said: String },
}

impl RenewalInfoAnswer {
    /// For people; nothing when there is a suggestion.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Suggested { .. } => None,
            Self::NotOffered => Some("the CA offers no renewal information".to_owned()),
            Self::Unknown { said } => Some(format!("the CA does not know the certificate: {said}")),
            Self::Garbled { said } => Some(format!("the CA's answer cannot be used: {said}")),
            Self::Unavailable { said, .. } => Some(format!("the CA could not be asked: {said}")),
            Self::NotAllowed { said } => Some(said.clone()),
        }
    }

    /// Whether it passes by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Suggested { .. }
            | Self::NotOffered
            | Self::Unknown { .. }
            | Self::Garbled { .. }
            | Self::NotAllowed { .. } => false,
        }
    }
}

/// When a certificate is asked about that was seen for the first time: at once when a run has just
/// installed it, else at its host's own place in a round, so that an estate that was imported in
/// one night is asked about evenly. One that does not live for long is asked about in time.
pub fn first_ask(host: HostId, by_a_run: bool, until: Timestamp, now: Timestamp) -> Timestamp {
    if by_a_run {
        now
    } else {
        now.plus(share(host.get(), ROUND.min(until.since(now) / PARTS)))
    }
}

/// What was known of a certificate when its CA answered.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Failures in a row, this one included.
    pub failures: u32,
    /// When the CA answered before.
    pub before: Option<Timestamp>,
    pub not_after: Timestamp,
}

/// When it is asked about next; nothing when it will have ended by then.
pub fn next_ask(host: HostId, answer: &RenewalInfoAnswer, asked: Asked, now: Timestamp) -> Option<Timestamp> {
    let in_time = (asked.not_after.since(now) / PARTS).max(SHORTEST);
    let wait = wait(answer, asked, now).min(in_time);
    let next = now.plus(wait + share(host.get(), wait / DRIFT));
    (next < asked.not_after).then_some(next)
}

fn wait(answer: &RenewalInfoAnswer, asked: Asked, now: Timestamp) -> Duration {
    match answer {
        RenewalInfoAnswer::Suggested { retry_at: Some(at), .. } => kept(at.since(now), grown(asked.before, now)),
        RenewalInfoAnswer::Suggested { retry_at: None, .. } => ROUND,
        RenewalInfoAnswer::Unavailable { until, .. } => {
            let growth = GROWTH.saturating_pow(asked.failures.saturating_sub(1));
            let own = SHORTEST.saturating_mul(growth).min(ROUND);
            until.map_or(own, |until| kept(until.since(now), own))
        }
        RenewalInfoAnswer::NotOffered
        | RenewalInfoAnswer::Unknown { .. }
        | RenewalInfoAnswer::Garbled { .. }
        | RenewalInfoAnswer::NotAllowed { .. } => ROUND,
    }
}

/// The CA's own time, where it is one; "at once", and a time that has passed, are none.
fn kept(said: Duration, own: Duration) -> Duration {
    if said < SHORTEST { own } else { said.min(LONGEST) }
}

/// Twice the time since the answer before, for a CA that wants to be asked at once again and again.
fn grown(before: Option<Timestamp>, now: Timestamp) -> Duration {
    let since = before.map(|before| now.since(before)).unwrap_or_default();
    since.saturating_mul(2).clamp(SHORTEST, ROUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ari::Window;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(seconds))
    }

    fn suggested(retry_at: Option<Timestamp>) -> RenewalInfoAnswer {
        let window = Window::new(at(1), at(2)).expect("a window");
        let suggestion = Suggestion {
            window,
            explanation_url: None,
        };
        RenewalInfoAnswer::Suggested { suggestion, retry_at }
    }

    fn busy(until: Option<Timestamp>) -> RenewalInfoAnswer {
        let said = "503".to_owned();
        RenewalInfoAnswer::Unavailable { until, said }
    }

    /// How long until the next question, in seconds, without the drift.
    fn asked_after(answer: &RenewalInfoAnswer, failures: u32) -> u64 {
        wait(answer, asked(failures, at(9_999_999)), at(1_000)).as_secs()
    }

    fn asked(failures: u32, not_after: Timestamp) -> Asked {
        Asked {
            failures,
            before: None,
            not_after,
        }
    }

    #[test]
    fn the_cas_time_is_kept_within_a_minute_and_a_day() {
        for (seconds, kept) in [(0, 60), (59, 60), (7_200, 7_200), (86_400, 86_400), (9_999_999, 86_400)] {
            let until = at(1_000 + seconds);
            assert_eq!(asked_after(&suggested(Some(until)), 0), kept);
            assert_eq!(asked_after(&busy(Some(until)), 1), kept);
        }
        assert_eq!(asked_after(&suggested(Some(at(0))), 0), 60, "a time that has passed");
        assert_eq!(asked_after(&suggested(None), 0), 21_600, "no Retry-After");
    }

    #[test]
    fn a_ca_that_wants_to_be_asked_at_once_for_ever_is_asked_less_and_less() {
        let (mut before, mut now, mut waits) = (None, at(1_000), Vec::new());
        for _ in 0..9 {
            let asked = Asked {
                before,
                ..asked(0, at(9_999_999))
            };
            let next = wait(&suggested(Some(at(0))), asked, now);
            waits.push(next.as_secs());
            (before, now) = (Some(now), now.plus(next));
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360]);
    }

    #[test]
    fn what_passes_is_tried_soon_and_what_lasts_after_six_hours() {
        let waits: Vec<u64> = (1..=7).map(|failures| asked_after(&busy(None), failures)).collect();
        assert_eq!(waits, [60, 240, 960, 3_840, 15_360, 21_600, 21_600]);
        for lasting in [
            RenewalInfoAnswer::NotOffered,
            RenewalInfoAnswer::Unknown { said: String::new() },
            RenewalInfoAnswer::Garbled { said: String::new() },
        ] {
            assert_eq!(asked_after(&lasting, 1), 21_600);
            assert!(lasting.trouble().is_some() && !lasting.is_passing());
        }
    }

    #[test]
    fn nothing_is_asked_after_the_end() {
        let next = |end| next_ask(HostId::new(), &suggested(None), asked(0, at(end)), at(0));
        assert_eq!((next(60), next(0)), (None, None));
        let in_time = next(43_200).expect("a certificate of half a day");
        assert!(in_time >= at(14_400) && in_time < at(15_200), "{in_time}");
        let minutes = next(300).expect("a certificate of five minutes");
        assert!(minutes >= at(100) && minutes < at(110), "{minutes}");
    }

    #[test]
    fn an_estate_that_came_in_one_night_is_asked_about_evenly_and_drifts_apart() {
        let (mut quarters, mut drift) = ([0_u32; 24], std::collections::HashSet::new());
        for _ in 0..100_000 {
            let host = HostId::new();
            let first = first_ask(host, false, at(9_999_999), at(0)).since(at(0)).as_secs() / 900;
            quarters[usize::try_from(first).expect("small")] += 1;
            let next = next_ask(host, &suggested(None), asked(0, at(9_999_999)), at(0)).expect("long before the end");
            assert!(next >= at(21_600) && next <= at(21_600 + 1_080), "{next}");
            drift.insert(next.since(at(0)).as_secs());
        }
        assert!(
            quarters.iter().all(|count| (3_900..4_450).contains(count)),
            "{quarters:?}"
        );
        assert!(drift.len() > 1_000, "a herd stays together: {} instants", drift.len());
    }

    #[test]
    fn what_a_run_has_just_installed_is_asked_about_at_once() {
        assert_eq!(first_ask(HostId::new(), true, at(9_999_999), at(5)), at(5));
    }

    #[test]
    fn one_that_lives_for_minutes_is_asked_about_while_it_lives() {
        for _ in 0..100 {
            assert!(first_ask(HostId::new(), false, at(300), at(0)) < at(100));
        }
    }
}

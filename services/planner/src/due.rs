//! When a policy renews itself, and the named reason of every answer. Pure.
//!
//! In: a policy, what its host serves and what the CA suggests for it, its last live run, now. Out: due or not, and when to judge again. Never: a
//! renewal of what has never been seen: a host that serves nothing yet is renewed by a person once.

use std::time::Duration;

use domain::ari::{self, Suggestion};
use domain::policy::Policy;
use domain::run::Status;
use domain::window::{self, Window};
use domain::{RunId, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Within this a revocation is still answered in time: the clock of a CA is 24 hours or five days.
const AFTER_SUCCESS: Duration = Duration::from_secs(6 * 3600);
/// What is not due is judged again after this long at the latest: somebody may have changed what is served.
const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// A run that has not ended, or a host that was not seen, may change at any moment.
const LOOK_SOON: Duration = Duration::from_secs(60);
/// Certificates that live shorter are renewed at half of their life, others at two thirds (Let's Encrypt's advice to
/// integrators).
const SHORT_LIVED: Duration = Duration::from_secs(10 * 24 * 3600);
/// Part of the life over which an estate that was issued in one night is spread: as wide as an ARI window.
const SPREAD: u32 = 50;
/// A policy's own number of days may be more than its certificates live, since lifetimes shrink: renewed at once again and
/// again, they would use up every limit of the CA. Of each life at least this part is used.
const LEAST_USED: u32 = 3;

/// The certificate that a host serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub from: Timestamp,
    pub until: Timestamp,
    /// When its CA wants it renewed, if it was asked and has said so.
    pub suggested: Option<Suggestion>,
    /// When the host may be touched in that time; empty: always, or never.
    pub open: Vec<ari::Window>,
}

/// The newest live run of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    pub id: RunId,
    pub status: Status,
    pub moved_at: Timestamp,
    /// Nobody asked for it.
    pub by_schedule: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    Now {
        why: String,
    },
    Later {
        /// Nothing when no instant is known at which it will be due.
        due_at: Option<Timestamp>,
        judge_at: Timestamp,
        why: String,
    },
}

pub fn due(policy: &Policy, served: Option<Life>, last: Option<LastRun>, now: Timestamp) -> Due {
    if let Some(why) = by_hand(policy) {
        return later(None, why.to_owned(), now);
    }
    if let Some(run) = last.filter(|run| !has_ended(run.status)) {
        return soon(format!("run {} has not ended", run.id), now);
    }
    let Some(life) = served else {
        return soon("no certificate has been seen at this host yet".to_owned(), now);
    };
    let (at, rule) = renewal_time(policy, &life, now);
    let at = last.map_or(at, |run| at.max(rested(run, &life)));
    if at > now {
        return later(Some(at), format!("{rule}, at {at}"), now);
    }
    let end = life.until;
    let why = if end <= now {
        format!("the certificate in service has expired at {end}")
    } else {
        format!("{rule}; the certificate in service ends at {end}")
    };
    Due::Now { why }
}

/// The same inside the maintenance windows: due at their next opening, unless the certificate would have expired by then.
pub fn within(windows: &[Window], due: Due, served: Option<Life>, now: Timestamp) -> Due {
    let next = |from: Timestamp| {
        let opens = window::next_open(windows, from)?;
        let too_late = served.as_ref().is_some_and(|life| life.until <= opens);
        (opens > from && !too_late).then_some(opens)
    };
    match due {
        Due::Now { why } => match next(now) {
            Some(opens) => later(Some(opens), format!("{why}; the window opens at {opens}"), now),
            None => Due::Now { why },
        },
        Due::Later {
            due_at: Some(at), why, ..
        } => {
            let due_at = next(at).unwrap_or(at);
            later(Some(due_at), why, now)
        }
        other @ Due::Later { .. } => other,
    }
}

fn by_hand(policy: &Policy) -> Option<&'static str> {
    if !policy.says.auto_renew {
        Some("the policy renews only when it is asked to (auto_renew)")
    } else if policy.says.dry_run_default {
        Some("the policy's runs are rehearsals unless a live one is asked for (dry_run_default)")
    } else {
        None
    }
}

fn has_ended(status: Status) -> bool {
    match status {
        Status::Queued | Status::Running | Status::NeedsManual => false,
        Status::Succeeded | Status::Failed | Status::Cancelled => true,
    }
}

/// After a run that was in vain the clock rests: a day, less when the certificate lives short. After one of its own that
/// succeeded it rests too: a CA whose windows are always past, or a machine that puts the old file back, would have it renew
/// without end.
fn rested(run: LastRun, life: &Life) -> Timestamp {
    let rest = match run.status {
        Status::Failed | Status::Cancelled => DAY,
        Status::Succeeded if run.by_schedule => AFTER_SUCCESS,
        Status::Queued | Status::Running | Status::NeedsManual | Status::Succeeded => return Timestamp::EPOCH,
    };
    run.moved_at.plus(rest.min(life.until.since(life.from) / 10))
}

/// The CA's window, where there is one; a policy's own number of days may come before it, never after it.
fn renewal_time(policy: &Policy, life: &Life, now: Timestamp) -> (Timestamp, String) {
    let own = own_time(policy, life);
    let Some(suggestion) = &life.suggested else { return own };
    let at = ari::pick(&suggestion.window, policy.id, life.open.iter().copied());
    if policy.says.renew_before_days.is_some() && own.0 <= at {
        return own;
    }
    (at, suggested(suggestion, now))
}

fn suggested(suggestion: &Suggestion, now: Timestamp) -> String {
    let (window, page) = (&suggestion.window, suggestion.explanation_url.as_deref());
    let because = page.map(|url| format!(", see {url}")).unwrap_or_default();
    let (start, end) = (window.start(), window.end());
    if window.is_past(now) {
        format!("the CA suggests {start}–{end}, which has passed: now (ARI{because})")
    } else {
        format!("the CA suggests {start}–{end} (ARI{because})")
    }
}

fn own_time(policy: &Policy, life: &Life) -> (Timestamp, String) {
    let whole = life.until.since(life.from);
    let early = early(policy, whole);
    if let Some(days) = policy.says.renew_before_days {
        let (wait, least) = (whole.saturating_sub(DAY * u32::from(days)), whole / LEAST_USED);
        let rule = if wait < least {
            format!("{days} days before the end, as the policy says, but not before a third of the life is over")
        } else {
            format!("{days} days before the end, as the policy says")
        };
        return (life.from.plus(wait.max(least).saturating_sub(early)), rule);
    }
    let (left, rule) = if whole < SHORT_LIVED {
        (whole / 2, "when half of the life is left")
    } else {
        (whole / 3, "when a third of the life is left")
    };
    (life.from.plus(whole - left - early), rule.to_owned())
}

/// Each policy has a place of its own in the spread, the same for every planner.
fn early(policy: &Policy, whole: Duration) -> Duration {
    let place = u32::try_from(policy.id.get().as_u128() % 1_000).unwrap_or(0);
    whole / SPREAD / 1_000 * place
}

fn soon(why: String, now: Timestamp) -> Due {
    Due::Later {
        due_at: None,
        judge_at: now.plus(LOOK_SOON),
        why,
    }
}

fn later(due_at: Option<Timestamp>, why: String, now: Timestamp) -> Due {
    let judge_at = due_at.unwrap_or(now.plus(LOOK_AGAIN)).min(now.plus(LOOK_AGAIN));
    Due::Later { due_at, judge_at, why }
}

#[cfg(test)]
mod tests {
    use domain::{HostId, PolicyId, WorkspaceId};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const T0: i64 = 1_767_225_600;

    fn policy(change: serde_json::Value) -> Policy {
        let mut says = json!({
            "hostname": "www.example.org",
            "targets": [{"kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key"}],
        });
        if let (Some(says), serde_json::Value::Object(change)) = (says.as_object_mut(), change) {
            says.extend(change);
        }
        Policy {
            id: PolicyId::new(),
            workspace: WorkspaceId::default_workspace(),
            host_id: HostId::new(),
            says: serde_json::from_value(says).expect("a policy"),
            created_at: Timestamp::EPOCH,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    fn days(count: i64) -> Timestamp {
        at(T0 + count * 86_400)
    }

    fn life(count: i64) -> Option<Life> {
        Some(Life {
            from: at(T0),
            until: days(count),
            suggested: None,
            open: Vec::new(),
        })
    }

    fn run(status: Status, moved_at: Timestamp) -> Option<LastRun> {
        Some(LastRun {
            id: RunId::new(),
            status,
            moved_at,
            by_schedule: true,
        })
    }

    fn why(due: Due) -> String {
        match due {
            Due::Now { why } => format!("now: {why}"),
            Due::Later { why, .. } => format!("later: {why}"),
        }
    }

    #[test]
    fn a_ca_whose_windows_are_always_past_is_not_obeyed_without_end() {
        let policy = policy(json!({}));
        let past = ari::Window::new(days(-2), days(-1)).expect("a window");
        let suggested = Some(Suggestion {
            window: past,
            explanation_url: None,
        });
        let served = life(90).map(|life| Life { suggested, ..life });
        let renewed = run(Status::Succeeded, at(T0 + 60));
        let judged = |last, hours: i64| due(&policy, served.clone(), last, at(T0 + 60 + hours * 3600));
        assert!(matches!(judged(renewed, 5), Due::Later { .. }));
        assert!(matches!(judged(renewed, 6), Due::Now { .. }));
        let by_hand = renewed.map(|run| LastRun {
            by_schedule: false,
            ..run
        });
        assert!(
            matches!(judged(by_hand, 0), Due::Now { .. }),
            "a revocation right after it"
        );
    }

    #[test]
    fn a_third_of_a_long_life_and_half_of_a_short_one_is_left() {
        for (lifetime, earliest, latest) in [(90, 58, 60), (45, 29, 30), (6, 2, 3)] {
            let policy = policy(json!({}));
            let (early, late) = (days(earliest), days(latest));
            assert!(
                why(due(&policy, life(lifetime), None, early)).starts_with("later: when"),
                "{lifetime}"
            );
            assert!(
                why(due(&policy, life(lifetime), None, late)).starts_with("now: when"),
                "{lifetime}"
            );
        }
    }

    #[test]
    fn the_policys_own_number_of_days_goes_first() {
        let policy = policy(json!({"renew_before_days": 10}));
        assert!(why(due(&policy, life(90), None, days(78))).starts_with("later: 10 days"));
        assert!(why(due(&policy, life(90), None, days(80))).starts_with("now: 10 days"));
    }

    /// Or it would be due again as soon as it is renewed, for ever.
    #[test]
    fn more_days_than_a_certificate_lives_do_not_renew_it_at_once_again() {
        for (days_before, lifetime, earliest, latest) in [(365, 90, 28, 30), (30, 6, 1, 2), (u16::MAX, 45, 14, 15)] {
            let policy = policy(json!({"renew_before_days": days_before}));
            let (fresh, early, late) = (days(0), days(earliest), days(latest));
            for young in [fresh, early] {
                let said = why(due(&policy, life(lifetime), None, young));
                assert!(
                    said.starts_with("later:") && said.contains("not before a third"),
                    "{said}"
                );
            }
            assert!(
                why(due(&policy, life(lifetime), None, late)).starts_with("now:"),
                "{lifetime}"
            );
        }
    }

    /// What the CA suggests for a certificate of 90 days.
    fn advised(start: i64, end: i64) -> Option<Life> {
        let window = ari::Window::new(days(start), days(end)).expect("a window");
        let explanation_url = Some("https://ca.example.org/why".to_owned());
        life(90).map(|life| Life {
            suggested: Some(Suggestion {
                window,
                explanation_url,
            }),
            ..life
        })
    }

    #[test]
    fn the_cas_window_goes_before_the_rule_and_the_reason_says_so() {
        let policy = policy(json!({}));
        let Due::Later { due_at, why, .. } = due(&policy, advised(40, 42), None, days(30)) else {
            panic!("it is not due yet")
        };
        assert!(due_at.is_some_and(|at| at >= days(40) && at < days(42)), "{due_at:?}");
        assert!(
            why.starts_with("the CA suggests 2026-02-10T00:00:00Z–2026-02-12T00:00:00Z (ARI, see https://ca"),
            "{why}"
        );
        assert!(why_of(&policy, advised(70, 72), days(61)).starts_with("later: the CA suggests"));
        assert!(why_of(&policy, advised(5, 6), days(7)).contains("which has passed: now (ARI"));
    }

    fn why_of(policy: &Policy, life: Option<Life>, now: Timestamp) -> String {
        why(due(policy, life, None, now))
    }

    #[test]
    fn inside_the_cas_window_only_the_open_hours_are_used() {
        let night = ari::Window::new(days(41), days(41).plus(DAY / 24)).expect("an hour");
        for _ in 0..50 {
            let life = advised(40, 42).map(|life| Life {
                open: vec![night],
                ..life
            });
            let Due::Later { due_at: Some(at), .. } = due(&policy(json!({})), life, None, days(30)) else {
                panic!("it is not due yet")
            };
            assert!(night.contains(at), "{at}");
        }
    }

    #[test]
    fn a_policys_own_days_may_come_before_the_cas_window_but_not_after_it() {
        let policy = policy(json!({"renew_before_days": 30}));
        assert!(why_of(&policy, advised(70, 72), days(61)).starts_with("now: 30 days"));
        assert!(why_of(&policy, advised(5, 6), days(7)).starts_with("now: the CA suggests"));
    }

    #[test]
    fn it_is_due_inside_the_windows_only_unless_it_would_have_expired_by_then() {
        // Mondays, 03:00; T0 is a Thursday, so day 60 is a Monday.
        let monday = [Window::new("0 3 * * 1", 60, "UTC").expect("a window")];
        let judged = |day, lifetime| {
            let by_clock = due(
                &policy(json!({"renew_before_days": 30})),
                life(lifetime),
                None,
                days(day),
            );
            within(&monday, by_clock, life(lifetime), days(day))
        };
        let opens = days(67).plus(Duration::from_secs(3 * 3600));
        let Due::Later { due_at, why, .. } = judged(61, 90) else {
            panic!("it waits for Monday")
        };
        assert_eq!(due_at, Some(opens));
        assert!(why.contains("the window opens at"), "{why}");
        assert!(matches!(judged(61, 64), Due::Now { .. }), "its life ends on Saturday");
    }

    #[test]
    fn what_expired_is_due_and_says_so() {
        assert!(why(due(&policy(json!({})), life(90), None, days(91))).contains("has expired at"));
    }

    #[test]
    fn nothing_is_ordered_for_what_was_never_seen_or_is_renewed_by_hand() {
        let never = due(&policy(json!({})), None, None, days(0));
        assert!(why(never).contains("no certificate has been seen"));
        for by_hand in [json!({"auto_renew": false}), json!({"dry_run_default": true})] {
            assert!(why(due(&policy(by_hand), life(90), None, days(91))).starts_with("later: the policy"));
        }
    }

    #[test]
    fn one_run_at_a_time_and_a_rest_after_one_in_vain() {
        let policy = policy(json!({}));
        let waiting = run(Status::NeedsManual, days(60));
        assert!(why(due(&policy, life(90), waiting, days(80))).contains("has not ended"));
        for in_vain in [Status::Failed, Status::Cancelled] {
            let last = run(in_vain, days(80));
            let Due::Later { due_at, .. } = due(&policy, life(90), last, days(80)) else {
                panic!("{in_vain:?} is not rested")
            };
            assert_eq!(due_at, Some(days(81)));
            assert!(matches!(due(&policy, life(90), last, days(81)), Due::Now { .. }));
        }
    }

    proptest! {
        /// What is judged later is judged in time: never after it is due, never in the past.
        #[test]
        fn the_next_judgement_is_never_too_late(lifetime in 1_i64..400, day in 0_i64..500, hour in 0_i64..24) {
            let now = at(T0 + day * 86_400 + hour * 3_600);
            match due(&policy(json!({})), life(lifetime), None, now) {
                Due::Now { .. } => prop_assert!(day * 24 + hour >= lifetime * 12 - lifetime),
                Due::Later { due_at, judge_at, .. } => {
                    prop_assert!(judge_at > now && judge_at <= now.plus(LOOK_AGAIN));
                    prop_assert!(due_at.is_some_and(|at| judge_at <= at && at < days(lifetime)));
                }
            }
        }
    }
}

use proptest::prelude::*;
use samples::policy;
use serde_json::json;

use super::*;

const T0: i64 = 1_767_225_600;

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
        called: false,
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

fn suggests(start: Timestamp, end: Timestamp) -> Option<Suggestion> {
    let window = ari::Window::new(start, end).expect("a window");
    Some(Suggestion {
        window,
        explanation_url: None,
    })
}

fn by_hand(run: Option<LastRun>) -> Option<LastRun> {
    run.map(|run| LastRun {
        by_schedule: false,
        ..run
    })
}

#[test]
fn a_ca_that_calls_again_and_again_is_not_obeyed_without_end() {
    let policy = policy(json!({}));
    let served = life(90).map(|life| Life {
        suggested: suggests(days(-2), days(-1)),
        called: true,
        ..life
    });
    let renewed = run(Status::Succeeded, at(T0 + 60));
    let judged = |last, hours: i64| due(&policy, served.clone(), last, at(T0 + 60 + hours * 3600));
    assert!(matches!(judged(renewed, 5), Due::Later { .. }));
    assert!(matches!(judged(renewed, 6), Due::Now { .. }));
    assert!(
        matches!(judged(by_hand(renewed), 0), Due::Now { .. }),
        "a revocation right after it"
    );
}

/// Of every certificate, from the first answer on: the next one would have the same window.
#[test]
fn a_window_that_is_always_past_renews_once_per_third_of_a_life() {
    let policy = policy(json!({}));
    for minutes in [5, 90 * 24 * 60] {
        let (whole, end) = (minutes * 60, at(T0 + minutes * 60));
        let served = Some(Life {
            from: at(T0),
            until: end,
            suggested: suggests(days(-2), days(-1)),
            called: false,
            open: Vec::new(),
        });
        for last in [run(Status::Succeeded, at(T0)), by_hand(run(Status::Succeeded, at(T0)))] {
            let young = due(&policy, served.clone(), last, at(T0 + whole / 3 - 1));
            let Due::Later { due_at, why, .. } = young else {
                panic!("{minutes} minutes: {young:?}")
            };
            assert_eq!(due_at, Some(at(T0 + whole / 3)));
            assert!(why.contains("not before a third of the life is over (ARI)"), "{why}");
            assert!(matches!(
                due(&policy, served.clone(), last, at(T0 + whole / 3)),
                Due::Now { .. }
            ));
        }
        let adopted = run(Status::Succeeded, days(-30));
        assert!(
            matches!(due(&policy, served, adopted, at(T0 + 1)), Due::Now { .. }),
            "what no run of ours got is renewed at once"
        );
    }
}

#[test]
fn a_window_that_leaves_no_time_is_nonsense_and_the_own_rule_counts() {
    let policy = policy(json!({}));
    for (start, end) in [(89, 91), (90, 92), (2_912_000, 2_912_001)] {
        let served = life(90).map(|life| Life {
            suggested: suggests(days(start), days(end)),
            ..life
        });
        let Due::Later { due_at, why, .. } = due(&policy, served.clone(), None, days(30)) else {
            panic!("it is not due yet")
        };
        assert!(due_at.is_some_and(|at| at >= days(58) && at <= days(60)), "{due_at:?}");
        assert!(
            why.starts_with("when a third of the life is left, at ") && why.ends_with("not obeyed (ARI)"),
            "{why}"
        );
        assert!(why_of(&policy, served, days(60)).contains("which leaves no time to renew before the end"));
    }
    let endless = life(90).map(|life| Life {
        suggested: suggests(days(70), days(2_912_000)),
        ..life
    });
    for _ in 0..50 {
        let Due::Later { due_at: Some(at), .. } = due(&self::policy(json!({})), endless.clone(), None, days(30)) else {
            panic!("it is not due yet")
        };
        assert!(at >= days(70) && at < days(86), "{at}");
    }
}

/// Certificates of minutes: from one to the next, never after its end, judged in time.
#[test]
fn a_certificate_of_minutes_is_judged_and_renewed_in_time() {
    for seconds in [300, 3_600, 43_200] {
        let policy = policy(json!({}));
        let served = Some(Life {
            from: at(T0),
            until: at(T0 + seconds),
            suggested: None,
            called: false,
            open: Vec::new(),
        });
        let renewed = run(Status::Succeeded, at(T0 + 5));
        let Due::Later { due_at, judge_at, .. } = due(&policy, served.clone(), renewed, at(T0 + 5)) else {
            panic!("it is fresh")
        };
        assert!(due_at.is_some_and(|due| due <= at(T0 + seconds / 2)), "{due_at:?}");
        assert!(Some(judge_at) <= due_at);
        assert!(matches!(
            due(&policy, served, renewed, at(T0 + seconds / 2)),
            Due::Now { .. }
        ));
    }
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

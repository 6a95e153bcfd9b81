use domain::backoff::Ladder;
use domain::limit::Limit;
use domain::run::{AcmeOrder, Mode, RunHead, RunState, Step};
use domain::solver;
use samples::CA;
use serde_json::json;

use super::*;

fn limit(scope: Scope, burst: u32) -> Limit {
    Limit {
        id: format!("{scope:?}"),
        ca: CA.parse().expect("a CA"),
        scope,
        title: format!("{scope:?}"),
        burst,
        period_seconds: 60,
        source: "a test".to_owned(),
        last_verified: "2026-08-05".to_owned(),
        enabled: true,
    }
}

fn quota() -> Quota {
    let limits = vec![
        limit(Scope::Account, 3),
        limit(Scope::RegisteredDomain, 2),
        limit(Scope::ExactSet, 1),
        limit(Scope::FailedAuthorization, 1),
        limit(Scope::ConsecutiveFailure, 30),
    ];
    Quota::new(Arc::new(Rules::of(limits, [])))
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(1_000_000 + seconds))
}

/// A live run that waits for Issue.
pub(crate) fn run(hostname: &str) -> LoadedRun {
    let plan = samples::plan_with(hostname, json!({"targets": [], "ladder": Ladder::default()}));
    let state = RunState {
        position: Position::Waiting {
            step: Step::Issue,
            until: at(0),
            because: Because::Turn,
        },
        attempt: 1,
        ..RunState::queued(&plan, at(0))
    };
    let head = RunHead {
        operator: "ann".to_owned(),
        created_at: at(0),
        ..samples::run_head(hostname)
    };
    LoadedRun {
        head,
        plan,
        state,
        queue_position: 0,
    }
}

fn ordered(run: &LoadedRun) -> LoadedRun {
    let mut run = run.clone();
    run.state.checkpoint = Some(Checkpoint::AcmeOrder(AcmeOrder {
        url: "https://ca.example.org/order/1".parse().expect("a URL"),
        expires: None,
        placed: solver::Receipt::default(),
        unfinalized: false,
    }));
    run
}

fn left(quota: &Quota, scope: Scope, key: &str) -> u32 {
    let limit = format!("{scope:?}");
    let key = key.to_owned();
    quota.tokens(&Bucket { limit, key }, at(0)).expect("a limit")
}

fn orders_left(quota: &Quota) -> u32 {
    left(quota, Scope::Account, "default")
}

fn trouble(cause: Cause, until: Option<Timestamp>) -> QuotaEffect {
    QuotaEffect::Trouble {
        cause: Some(cause),
        until,
    }
}

fn not_proven() -> Cause {
    Cause::Ca(OfCa::NotProven { names: Vec::new() })
}

fn too_much(scope: Scope, of: &[&str]) -> Cause {
    let of = of.iter().map(|name| (*name).to_owned()).collect();
    Cause::Ca(OfCa::Limited { scope, of })
}

/// The name of the limit for which it must wait, and for how many seconds.
fn refused(quota: &mut Quota, run: &LoadedRun) -> Option<(String, u64)> {
    match quota.admit(run, at(0)) {
        Err(Wait {
            until,
            because: Because::Limit { name, .. },
            ..
        }) => Some((name, until.since(at(0)).as_secs())),
        _ => None,
    }
}

#[test]
fn what_does_not_fit_waits_for_the_limit_that_allows_it_last() {
    let mut quota = quota();
    for host in ["a.one.org", "b.one.org"] {
        assert_eq!(refused(&mut quota, &run(host)), None);
    }
    assert_eq!(
        refused(&mut quota, &run("c.one.org")),
        Some(("RegisteredDomain".to_owned(), 60))
    );
    assert_eq!(orders_left(&quota), 1, "the refused one took nothing");
    assert_eq!(refused(&mut quota, &run("a.two.org")), None);
    assert_eq!(
        refused(&mut quota, &run("a.three.org")),
        Some(("Account".to_owned(), 60))
    );
}

#[test]
fn a_rehearsal_waits_for_no_limit_and_takes_nothing_from_live_runs() {
    let mut quota = quota();
    let mut dry = run("a.one.org");
    dry.head.mode = Mode::DryRun;
    for _ in 0..10 {
        assert_eq!(refused(&mut quota, &dry), None);
    }
    let limited = trouble(too_much(Scope::Account, &[]), Some(at(3_600)));
    for answer in [QuotaEffect::Rehearsed, limited] {
        quota.account_for(&dry, &answer, at(0));
    }
    assert_eq!(orders_left(&quota), 3);
}

#[test]
fn who_must_wait_is_told_when_all_before_it_have_gone() {
    let mut quota = quota();
    for host in ["a.one.org", "b.one.org"] {
        assert_eq!(refused(&mut quota, &run(host)), None);
    }
    let third = run("c.one.org");
    let need = quota.needs(&third, Renewal::No);
    let need = need.iter().find(|need| need.scope == Scope::RegisteredDomain);
    quota
        .queued
        .insert(need.expect("a limit of the domain").bucket.clone(), 5);
    let wait = quota.admit(&third, at(0)).expect_err("no room");
    assert_eq!((wait.until, wait.expected_at), (at(60), at(360)));
}

#[test]
fn an_order_that_is_open_or_has_drawn_draws_nothing_again() {
    let mut quota = quota();
    let one = run("a.one.org");
    for again in [one.clone(), one.clone(), ordered(&run("b.one.org"))] {
        assert_eq!(quota.admit(&again, at(0)), Ok(()));
    }
    assert_eq!((orders_left(&quota), quota.taken.len()), (2, 3));
}

#[test]
fn an_order_counts_when_it_is_placed_and_a_certificate_when_it_is_issued() {
    let mut quota = quota();
    let one = run("a.one.org");
    assert_eq!(quota.admit(&one, at(0)), Ok(()));
    quota.account_for(&ordered(&one), &QuotaEffect::Ordered, at(0));
    assert_eq!(quota.settled.len(), 1);
    // The order becomes invalid: no certificate, but an order.
    quota.account_for(&one, &trouble(not_proven(), None), at(0));
    assert_eq!(
        (orders_left(&quota), left(&quota, Scope::RegisteredDomain, "one.org")),
        (2, 2)
    );
    assert_eq!(left(&quota, Scope::FailedAuthorization, "default a.one.org"), 0);
    assert_eq!(
        refused(&mut quota, &run("a.one.org")),
        Some(("FailedAuthorization".to_owned(), 60))
    );
}

#[test]
fn failures_in_a_row_are_counted_until_a_success() {
    let mut quota = quota();
    let one = run("a.one.org");
    let row = |quota: &Quota| left(quota, Scope::ConsecutiveFailure, "default a.one.org");
    let full = row(&quota);
    for failures in 1..=3 {
        quota.account_for(&one, &trouble(not_proven(), None), at(0));
        assert_eq!(row(&quota), full - failures);
    }
    quota.account_for(&one, &QuotaEffect::Issued, at(0));
    assert_eq!(row(&quota), full);
}

#[test]
fn a_renewal_of_the_same_names_is_free_of_the_limits_on_new_ones() {
    let mut quota = quota();
    let one = run("a.one.org");
    assert_eq!(quota.admit(&one, at(0)), Ok(()));
    quota.account_for(&ordered(&one), &QuotaEffect::Ordered, at(0));
    quota.account_for(&one, &QuotaEffect::Issued, at(0));
    assert_eq!(quota.issued.len(), 1);
    let set = quota.issued.clone().remove(0);
    quota.issued_at.insert(set, at(0));

    let again = run("a.one.org");
    assert_eq!(refused(&mut quota, &again), Some(("ExactSet".to_owned(), 60)));
    assert_eq!(quota.admit(&again, at(60)), Ok(()));
    assert_eq!(orders_left(&quota), 2, "only the first one counts");
}

#[test]
fn what_was_not_asked_for_is_given_back_unless_the_answer_was_lost() {
    let cases = [
        (QuotaEffect::NotAsked, 3),
        (trouble(Cause::Fleet, None), 3),
        (trouble(Cause::Ca(OfCa::Refused), None), 3),
        (
            QuotaEffect::Trouble {
                cause: None,
                until: None,
            },
            3,
        ),
        (trouble(Cause::Ca(OfCa::Down { busy: false }), Some(at(60))), 2),
        (trouble(Cause::Ca(OfCa::OrderLost), Some(at(60))), 2),
    ];
    for (answer, expected) in cases {
        let mut quota = quota();
        let one = run("a.one.org");
        assert_eq!(quota.admit(&one, at(0)), Ok(()));
        quota.account_for(&one, &answer, at(0));
        assert_eq!(orders_left(&quota), expected, "{answer:?}");
        assert_eq!(left(&quota, Scope::RegisteredDomain, "one.org"), 2, "{answer:?}");
    }
}

#[test]
fn the_ca_is_believed_about_the_limit_that_it_names() {
    let cases = [
        (Scope::RegisteredDomain, &["one.org"][..]),
        (Scope::ExactSet, &[]),
        (Scope::FailedAuthorization, &["a.one.org"]),
        (Scope::ConsecutiveFailure, &["a.one.org"]),
        (Scope::Account, &[]),
    ];
    for (scope, of) in cases {
        let answer = trouble(too_much(scope, of), Some(at(900)));
        let mut quota = quota();
        quota.account_for(&run("a.one.org"), &answer, at(0));
        assert_eq!(
            refused(&mut quota, &run("a.one.org")),
            Some((format!("{scope:?}"), 900)),
            "{scope:?}"
        );
    }
}

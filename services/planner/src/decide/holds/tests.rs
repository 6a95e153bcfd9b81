use domain::cause::{Cause, OfCa};
use domain::disposition::Failure;
use domain::run::{Position, Step};

use super::*;
use crate::decide::quota::tests::{at, run};

fn asking(run: &LoadedRun) -> LoadedRun {
    let mut run = run.clone();
    run.state.position = Position::Asking {
        step: Step::Issue,
        question: Failure::new("ISS-0010", "deactivated", "begin a new one")
            .because(Cause::Ca(OfCa::AccountRefused))
            .ask(),
        retry_at: None,
    };
    run
}

fn with_fallback(name: &str) -> LoadedRun {
    let mut run = run(name);
    run.plan.fallbacks = vec![run.plan.choice.clone()];
    run
}

/// Seconds for which the run must wait; none when it may go.
fn held(holds: &Holds, run: &LoadedRun, now: u64) -> Option<u64> {
    let wait = holds.check(run, at(now)).err()?;
    assert!(matches!(&wait.because, Because::Limit { bucket, shared: true, .. } if bucket.is_hold()));
    Some(wait.until.since(at(now)).as_secs())
}

/// An order of this run was limited at `now`; the issuer's ladder brings it back after `wait`.
fn limited(holds: &mut Holds, run: &LoadedRun, now: u64, wait: u64) {
    holds.limit(run, &Limited::Account, at(now + wait), at(now));
}

#[test]
fn one_limited_order_holds_all_of_the_account_and_they_climb_together() {
    let (a, b, c) = (run("a.one.org"), run("b.one.org"), run("c.two.org"));
    let mut elsewhere = run("d.two.org");
    elsewhere.head.workspace = "other".parse().expect("a workspace");
    let mut holds = Holds::default();
    limited(&mut holds, &a, 0, 60);
    // This one was out at the same time: it is not another rung.
    limited(&mut holds, &b, 1, 60);
    assert_eq!(held(&holds, &c, 10), Some(50));
    assert_eq!(held(&holds, &elsewhere, 10), None, "another account");

    assert_eq!(held(&holds, &b, 60), None, "one finds out");
    holds.begin_trial(&b, at(60));
    assert_eq!(held(&holds, &b, 61), None, "it goes on, with its account's key");
    assert!(
        held(&holds, &a, 61).is_some() && held(&holds, &c, 61).is_some(),
        "the others wait for it"
    );
    limited(&mut holds, &b, 62, 60);
    assert_eq!(held(&holds, &c, 62), Some(600), "the second rung, for all");

    holds.begin_trial(&c, at(700));
    holds.lift(&c);
    assert!([&a, &b, &c].into_iter().all(|run| held(&holds, run, 701).is_none()));
}

#[test]
fn a_time_that_the_ca_has_named_is_kept_as_it_is() {
    let (a, b) = (run("a.one.org"), run("b.one.org"));
    let mut holds = Holds::default();
    limited(&mut holds, &a, 0, 3);
    assert_eq!(held(&holds, &b, 0), Some(3));
    holds.begin_trial(&b, at(3));
    limited(&mut holds, &b, 4, 7_200);
    assert_eq!(held(&holds, &a, 4), Some(7_200));
}

#[test]
fn a_limit_of_a_domain_holds_that_domain_alone() {
    let (a, b, c) = (run("a.one.org"), run("b.one.org"), run("c.two.org"));
    let mut holds = Holds::default();
    holds.limit(&a, &Limited::Domains(vec!["one.org".to_owned()]), at(60), at(0));
    assert_eq!((held(&holds, &b, 0), held(&holds, &c, 0)), (Some(60), None));
    holds.limit(&c, &Limited::Run, at(60), at(0));
    assert_eq!(held(&holds, &c, 0), None);
}

#[test]
fn a_try_that_ends_otherwise_or_never_is_made_by_another_run() {
    let (a, b) = (run("a.one.org"), run("b.one.org"));
    let mut holds = Holds::default();
    limited(&mut holds, &a, 0, 60);
    holds.begin_trial(&a, at(60));
    holds.end_trial(&b);
    assert!(held(&holds, &b, 61).is_some(), "it was not its try");
    assert_eq!(held(&holds, &b, 60 + TRIAL.as_secs()), None, "nobody has heard of it");
    holds.end_trial(&a);
    assert_eq!(held(&holds, &b, 61), None);
}

#[test]
fn one_run_asks_about_a_refused_account_and_the_others_wait() {
    let (a, b, c) = (run("a.one.org"), run("b.two.org"), run("c.three.org"));
    let mut holds = Holds::default();
    assert!(!holds.refuse(&a, &asking(&a), at(0)), "the first one asks");
    assert!(
        holds.refuse(&b, &asking(&b), at(1)),
        "the second was out already: it waits instead"
    );
    assert_eq!(holds.room(&account(&a), at(1)), Some(0));
    assert!(held(&holds, &c, 90_000).is_some(), "as long as somebody is asked");
    let wait = holds
        .check(&with_fallback("d.four.org"), at(2))
        .expect_err("it is held too");
    assert!(
        wait.expected_at > at(2 + 86_400),
        "longer than anybody waits before the next CA is asked"
    );

    // The asker has gone on: it finds out. What it finds holds for all.
    assert_eq!(held(&holds, &a, 2), None);
    holds.begin_trial(&a, at(2));
    holds.lift(&a);
    assert!(held(&holds, &b, 3).is_none() && held(&holds, &c, 3).is_none());
    assert_eq!(holds.lifted().count(), 1);
}

#[test]
fn when_nobody_asks_any_more_the_next_one_does() {
    let (a, b) = (run("a.one.org"), run("b.two.org"));
    let mut holds = Holds::default();
    holds.refuse(&a, &asking(&a), at(0));
    // It was cancelled: the record says that it asks no more.
    holds.all.get_mut(&account(&a)).expect("a hold").asking = false;
    assert_eq!(
        (held(&holds, &b, 10), holds.room(&account(&a), at(10))),
        (None, Some(1))
    );
    holds.begin_trial(&b, at(10));
    assert!(!holds.refuse(&b, &asking(&b), at(11)));
    assert!(held(&holds, &run("c.three.org"), 12).is_some());
}

#[test]
fn a_run_that_can_go_elsewhere_leaves_the_ca_alone_and_one_that_cannot_asks() {
    let (failed_over, other, stuck) = (
        with_fallback("a.one.org"),
        with_fallback("b.two.org"),
        run("c.three.org"),
    );
    let mut holds = Holds::default();
    // It has failed over to its next CA: no person is asked.
    holds.refuse(&failed_over, &failed_over, at(0));
    assert!(held(&holds, &other, 1).is_some(), "without one request");
    assert_eq!(held(&holds, &stuck, 1), None, "somebody must be asked");
    assert_eq!(
        held(&holds, &other, REFUSED_FOR.as_secs() + 1),
        None,
        "the account may be good again"
    );
}

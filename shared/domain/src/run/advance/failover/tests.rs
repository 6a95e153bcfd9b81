use proptest::prelude::*;

use super::*;
use crate::cause::OfCa;
use crate::limit::Bucket;
use crate::run::{AcmeOrder, Event, Intent, advance};

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(seconds))
}

/// Two CAs stand by; what is served has 1,000 minutes left.
fn plan() -> Plan {
    let ca = |n| serde_json::json!({"provider": "acme", "directory_url": format!("https://ca{n}.example.org/dir"), "why": "named"});
    serde_json::from_value(serde_json::json!({
        "hostname": "www.example.org", "port": 443, "addresses": [], "criticality": "medium",
        "names": ["www.example.org"], "choice": ca(0), "fallbacks": [ca(1), ca(2)], "expires_at": at(60_000),
        "key_backend": "local", "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01", "targets": [],
    }))
    .expect("a plan")
}

/// A run whose Issue order is out.
fn issuing(checkpoint: Option<Checkpoint>) -> RunState {
    let mut run = RunState::queued(&plan(), at(0));
    run.checkpoint = checkpoint;
    run.position = Position::Out {
        step: Step::Issue,
        deadline: at(180),
    };
    run.attempt = 2;
    run
}

fn open_order(unfinalized: bool) -> Checkpoint {
    Checkpoint::AcmeOrder(AcmeOrder {
        url: "https://ca0.example.org/order/1".parse().expect("a URL"),
        expires: None,
        placed: crate::solver::Receipt::default(),
        unfinalized,
    })
}

fn trouble(until: u64, elsewhere: bool) -> Outcome {
    let down = Cause::Ca(OfCa::Down { busy: true });
    let cause = if elsewhere { down } else { Cause::Fleet };
    Outcome::Retry {
        until: at(until),
        failure: Failure::new("ISS-0005", "the CA is down", "wait").because(cause),
        forget_checkpoint: false,
        left: None,
    }
}

fn reported(run: &RunState, outcome: Outcome) -> RunState {
    let (step, attempt) = (Step::Issue, run.attempt);
    let event = Event::Reported { step, attempt, outcome };
    advance(run, Intent::live(&plan()), event, at(0)).expect("it moves")
}

fn again(run: &RunState) -> RunState {
    advance(run, Intent::live(&plan()), Event::Released, at(90_000)).expect("it goes out")
}

fn asks(run: &RunState) -> String {
    plan().current_ca(&run.progress).ca.to_string()
}

#[test]
fn the_next_is_asked_after_three_failures_in_a_row() {
    let mut run = issuing(None);
    for _ in 0..2 {
        run = again(&reported(&run, trouble(10, true)));
        assert_eq!(asks(&run), "https://ca0.example.org/dir");
    }
    let failed_over = reported(&run, trouble(10, true));
    assert_eq!(
        (asks(&failed_over), failed_over.failures),
        ("https://ca1.example.org/dir".to_owned(), 0)
    );
    assert_eq!(failed_over.progress.failovers[0].attempt, run.attempt);
    assert_eq!(
        plan().ca_of_attempt(&failed_over.progress, run.attempt),
        plan().ca_of_attempt(&run.progress, run.attempt)
    );
}

#[test]
fn a_wait_that_the_certificates_life_does_not_allow_is_not_waited_for() {
    assert_eq!(
        asks(&reported(&issuing(None), trouble(6_000, true))),
        "https://ca0.example.org/dir"
    );
    assert_eq!(
        asks(&reported(&issuing(None), trouble(6_001, true))),
        "https://ca1.example.org/dir"
    );
}

fn stuck(elsewhere: bool) -> Outcome {
    let cause = if elsewhere { OfCa::AccountRefused } else { OfCa::Refused };
    Outcome::Stuck {
        question: Failure::new("ISS-0010", "the account is deactivated", "begin a new one")
            .because(Cause::Ca(cause))
            .ask(),
        forget_checkpoint: false,
        left: None,
    }
}

#[test]
fn a_question_of_one_ca_is_not_asked_while_another_can_issue() {
    let failed_over = reported(&issuing(None), stuck(true));
    assert_eq!(asks(&failed_over), "https://ca1.example.org/dir");
    assert_eq!(failed_over.progress.failovers[0].failure.code.as_str(), "ISS-0010");
    for (checkpoint, outcome) in [(None, stuck(false)), (Some(open_order(false)), stuck(true))] {
        let asking = reported(&issuing(checkpoint), outcome);
        assert!(matches!(asking.position, Position::Asking { .. }), "{asking:?}");
    }
    let last = reported(&again(&reported(&again(&failed_over), stuck(true))), stuck(true));
    assert!(matches!(last.position, Position::Asking { .. }), "{last:?}");
}

#[test]
fn our_own_trouble_turns_to_nobody() {
    assert!(
        reported(&issuing(None), trouble(9_000, false))
            .progress
            .failovers
            .is_empty()
    );
}

#[test]
fn an_order_that_may_have_been_finalized_keeps_its_ca() {
    let mut run = issuing(Some(open_order(false)));
    for _ in 0..9 {
        run = again(&reported(&run, trouble(9_000, true)));
        assert!(run.progress.failovers.is_empty() && run.checkpoint.is_some());
    }
    let Outcome::Retry { until, failure, .. } = trouble(9_000, true) else {
        unreachable!("it is a retry")
    };
    let invalid = Outcome::Retry {
        until,
        failure,
        forget_checkpoint: true,
        left: None,
    };
    assert_eq!(
        asks(&reported(&run, invalid)),
        "https://ca1.example.org/dir",
        "an invalid order is nobody's"
    );
}

#[test]
fn an_order_of_which_the_record_says_that_nobody_finalized_it_is_left() {
    let mut run = issuing(Some(open_order(true)));
    for _ in 0..2 {
        run = again(&reported(&run, trouble(10, true)));
        assert!(run.progress.failovers.is_empty() && run.checkpoint.is_some());
    }
    let failed_over = reported(&run, trouble(10, true));
    assert_eq!(
        (asks(&failed_over), failed_over.checkpoint),
        ("https://ca1.example.org/dir".to_owned(), None)
    );
}

/// It waits for its turn at the present CA, which has no room before then.
fn postponed(run: &RunState, expected: u64, because: Because) -> RunState {
    let event = Event::Postponed {
        until: at(10),
        because,
        expected_at: at(expected),
    };
    advance(run, Intent::live(&plan()), event, at(0)).expect("it is kept")
}

fn limit() -> Because {
    Because::Limit {
        name: "orders per account".to_owned(),
        bucket: Bucket {
            limit: "ca.orders".to_owned(),
            key: "default".to_owned(),
        },
        shared: true,
    }
}

#[test]
fn our_own_pacing_may_take_too_long_as_well() {
    let mut waiting = issuing(None);
    waiting.position = resumed(&waiting).position;
    let patient = postponed(&waiting, 6_000, limit());
    assert!(matches!(
        patient.position,
        Position::Waiting {
            because: Because::Limit { .. },
            ..
        }
    ));
    assert_eq!(
        asks(&postponed(&waiting, 60_000, Because::Window)),
        "https://ca0.example.org/dir"
    );
    let failed_over = postponed(&waiting, 6_001, limit());
    assert_eq!(asks(&failed_over), "https://ca1.example.org/dir");
    assert_eq!(failed_over.progress.failovers[0].failure.code.as_str(), "RUN-0004");
    let last = postponed(&postponed(&failed_over, 6_001, limit()), 90_000, limit());
    assert_eq!(
        (asks(&last), last.progress.failovers.len()),
        ("https://ca2.example.org/dir".to_owned(), 2)
    );
    let Position::Asking { question, retry_at, .. } = &last.position else {
        panic!("nobody else stands by: {last:?}")
    };
    assert_eq!((question.code.as_str(), *retry_at), ("RUN-0004", Some(at(86_400))));
    let borne = postponed(&resumed_at_last(&last), 20_000, limit());
    assert!(matches!(borne.position, Position::Waiting { .. }), "{borne:?}");
}

fn resumed_at_last(run: &RunState) -> RunState {
    RunState {
        position: resumed(run).position,
        ..run.clone()
    }
}

#[test]
fn after_the_last_a_person_is_asked_and_a_resume_begins_with_the_first() {
    let mut run = issuing(None);
    for _ in 0..2 {
        run = again(&reported(&run, trouble(9_000, true)));
    }
    assert_eq!(asks(&run), "https://ca2.example.org/dir");
    let asking = reported(&run, trouble(70_000, true));
    assert!(matches!(asking.position, Position::Asking { .. }), "{asking:?}");
    let resumed = advance(&asking, Intent::live(&plan()), Event::Resumed, at(0)).expect("it goes on");
    assert_eq!(asks(&resumed), "https://ca0.example.org/dir");
}

proptest! {
    /// Whatever is reported, and however long a limit has no room: an order that may have been finalized stays at its
    /// CA, and there are no more turns than CAs.
    #[test]
    fn no_order_that_may_have_been_finalized_is_left_behind(
        happenings in prop::collection::vec((0..6_u8, 0..20_000_u64), 1..30)
    ) {
        let mut run = issuing(None);
        for (kind, until) in happenings {
            let outcome = match kind {
                0 => Outcome::Resting { until: at(until), checkpoint: open_order(false) },
                1 => Outcome::Resting { until: at(until), checkpoint: open_order(true) },
                2 => trouble(until, false),
                _ => trouble(until, true),
            };
            let before = run.clone();
            run = reported(&run, outcome);
            if kind == 5 && matches!(run.position, Position::Waiting { .. }) {
                run = postponed(&run, until, limit());
            }
            if before.checkpoint.as_ref().is_some_and(Checkpoint::is_binding) {
                prop_assert_eq!(&run.progress.failovers, &before.progress.failovers);
            }
            prop_assert!(run.progress.failovers.len() <= 2);
            let Position::Waiting { .. } = run.position else { break };
            run = again(&run);
        }
    }
}

#[test]
fn who_waits_for_a_limit_for_too_long_goes_to_the_next_ca_and_after_the_last_to_a_person() {
    let mut run = issuing(None);
    run.position = resumed(&run).position;
    assert_eq!(outwaits_at(&run, &plan(), at(0)), None, "its turn is no limit");
    for ca in ["https://ca1.example.org/dir", "https://ca2.example.org/dir"] {
        run = postponed(&run, 1, limit());
        assert_eq!(
            outwaits_at(&run, &plan(), at(0)),
            Some(at(6_000)),
            "a tenth of the life that is left"
        );
        run = outwaited_now(&run, 6_000);
        assert_eq!(asks(&run), ca);
    }
    run = postponed(&run, 1, limit());
    assert_eq!(
        outwaits_at(&run, &plan(), at(0)),
        Some(at(30_000)),
        "the half is left to a person"
    );
    let asking = outwaited_now(&run, 30_000);
    let Position::Asking { question, retry_at, .. } = &asking.position else {
        panic!("{asking:?}")
    };
    assert_eq!(question.code.as_str(), "RUN-0004");
    assert!(
        question.what.starts_with("orders per account: no room so far"),
        "{question:?}"
    );
    assert_eq!(*retry_at, Some(at(33_000)), "tried again by itself");
    assert_eq!(outwaits_at(&asking, &plan(), at(0)), None);
    assert!(advance(&asking, Intent::live(&plan()), Event::Outwaited, at(30_000)).is_err());
}

/// It has waited for its limit since 0 s.
fn outwaited_now(run: &RunState, seconds: u64) -> RunState {
    advance(run, Intent::live(&plan()), Event::Outwaited, at(seconds)).expect("it waits for a limit")
}

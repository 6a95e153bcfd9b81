//! To the next CA, when the one that is asked is down or out of quota for longer than the certificate in service can wait.
//!
//! Never while an order that may have been finalized is open at the present CA: two CAs would both issue. An order that is
//! known to be of no use is not open any more, and one of which the record says that nobody has finalized it is left: the
//! issuer asks for the certificate only under an order whose checkpoint says otherwise, and none was ever sent.

use std::time::Duration;

use super::{begun, waiting};
use crate::clock::Timestamp;
use crate::disposition::Failure;
use crate::plan::Plan;
use crate::run::course::Turned;
use crate::run::{Because, Checkpoint, Outcome, RunState, Step};

/// Failures in a row at one CA before the next is asked.
const TRIES: u32 = 3;
/// So long a CA may hold up a host whose certificate nobody has seen.
const UNSEEN: Duration = Duration::from_secs(3_600);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(86_400);

/// The run at the next CA of its plan, when it should not wait for this one; nothing when it should or must.
pub(super) fn turned(run: &RunState, plan: &Plan, outcome: &Outcome, now: Timestamp) -> Option<RunState> {
    let Outcome::Retry {
        until,
        failure,
        elsewhere: true,
        ..
    } = outcome
    else {
        return None;
    };
    let too_long = run.failures + 1 >= TRIES || *until > now.plus(bearable(plan, now));
    (too_long && may_turn(run, plan)).then(|| next(run, failure.clone(), now))
}

/// The same for a run whose order was not sent, because a limit of the CA has no room: its turn there may come at
/// `expected_at`.
pub(super) fn outwaited(
    run: &RunState,
    plan: &Plan,
    (because, expected_at): (&Because, Timestamp),
    now: Timestamp,
) -> Option<RunState> {
    let Because::Limit { name, .. } = because else {
        return None;
    };
    let too_long = expected_at > now.plus(bearable(plan, now));
    (too_long && may_turn(run, plan)).then(|| {
        let what =
            format!("{name}: no room before {expected_at}, which is longer than the certificate in service can wait");
        let hint = "nothing to do: the next CA is asked";
        next(run, Failure::new("RUN-0004", what, hint), now)
    })
}

/// Whether another CA stands by, and none will have issued before it.
fn may_turn(run: &RunState, plan: &Plan) -> bool {
    let bound = run.checkpoint.as_ref().is_some_and(Checkpoint::is_binding);
    !bound && plan.stands_by(&run.course)
}

fn next(run: &RunState, failure: Failure, now: Timestamp) -> RunState {
    let mut next = begun(run, Step::Issue);
    next.course.turned.push(Turned {
        attempt: run.attempt,
        at: now,
        failure,
    });
    next
}

/// A tenth of the life that is left, but a minute at least and a day at most.
fn bearable(plan: &Plan, now: Timestamp) -> Duration {
    match plan.expires_at {
        Some(end) => (end.since(now) / 10).clamp(SHORTEST, LONGEST),
        None => UNSEEN,
    }
}

/// A person has mended something: the plan's own choice is asked again, unless an order is open elsewhere.
pub(super) fn back_to_first(run: &RunState) -> RunState {
    let mut first = run.clone();
    if !matches!(run.checkpoint, Some(Checkpoint::AcmeOrder { .. })) {
        first.course.turned.clear();
    }
    first
}

/// Issue from the start, at the plan's own choice as far as that is possible.
pub(super) fn resumed(run: &RunState) -> RunState {
    waiting(&back_to_first(run), Step::Issue, Timestamp::EPOCH, Because::Turn)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limit::Bucket;
    use crate::run::{Event, Mode, Position, advance};

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
        Checkpoint::AcmeOrder {
            url: "https://ca0.example.org/order/1".parse().expect("a URL"),
            expires: None,
            tokens: Vec::new(),
            unfinalized,
        }
    }

    fn trouble(until: u64, elsewhere: bool) -> Outcome {
        Outcome::Retry {
            until: at(until),
            failure: Failure::new("ISS-0005", "the CA is down", "wait"),
            forget_checkpoint: false,
            patient: true,
            elsewhere,
        }
    }

    fn reported(run: &RunState, outcome: Outcome) -> RunState {
        let (step, attempt) = (Step::Issue, run.attempt);
        let event = Event::Reported { step, attempt, outcome };
        advance(run, &plan(), Mode::Live, event, at(0)).expect("it moves")
    }

    fn again(run: &RunState) -> RunState {
        advance(run, &plan(), Mode::Live, Event::Released, at(90_000)).expect("it goes out")
    }

    fn asks(run: &RunState) -> String {
        plan().asked(&run.course).directory_url.to_string()
    }

    #[test]
    fn the_next_is_asked_after_three_failures_in_a_row() {
        let mut run = issuing(None);
        for _ in 0..2 {
            run = again(&reported(&run, trouble(10, true)));
            assert_eq!(asks(&run), "https://ca0.example.org/dir");
        }
        let turned = reported(&run, trouble(10, true));
        assert_eq!(
            (asks(&turned), turned.failures),
            ("https://ca1.example.org/dir".to_owned(), 0)
        );
        assert_eq!(turned.course.turned[0].attempt, run.attempt);
        assert_eq!(
            plan().asked_in(&turned.course, run.attempt),
            plan().asked_in(&run.course, run.attempt)
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

    #[test]
    fn our_own_trouble_turns_to_nobody() {
        assert!(reported(&issuing(None), trouble(9_000, false)).course.turned.is_empty());
    }

    #[test]
    fn an_order_that_may_have_been_finalized_keeps_its_ca() {
        let mut run = issuing(Some(open_order(false)));
        for _ in 0..9 {
            run = again(&reported(&run, trouble(9_000, true)));
            assert!(run.course.turned.is_empty() && run.checkpoint.is_some());
        }
        let Outcome::Retry { until, failure, .. } = trouble(9_000, true) else {
            unreachable!("it is a retry")
        };
        let invalid = Outcome::Retry {
            until,
            failure,
            forget_checkpoint: true,
            patient: true,
            elsewhere: true,
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
            assert!(run.course.turned.is_empty() && run.checkpoint.is_some());
        }
        let turned = reported(&run, trouble(10, true));
        assert_eq!(
            (asks(&turned), turned.checkpoint),
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
        advance(run, &plan(), Mode::Live, event, at(0)).expect("it is kept")
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
        let turned = postponed(&waiting, 6_001, limit());
        assert_eq!(asks(&turned), "https://ca1.example.org/dir");
        assert_eq!(turned.course.turned[0].failure.code.as_str(), "RUN-0004");
        let last = postponed(&postponed(&turned, 6_001, limit()), 90_000, limit());
        assert_eq!(
            (asks(&last), last.course.turned.len()),
            ("https://ca2.example.org/dir".to_owned(), 2)
        );
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
        let resumed = advance(&asking, &plan(), Mode::Live, Event::Resumed, at(0)).expect("it goes on");
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
                    prop_assert_eq!(&run.course.turned, &before.course.turned);
                }
                prop_assert!(run.course.turned.len() <= 2);
                let Position::Waiting { .. } = run.position else { break };
                run = again(&run);
            }
        }
    }
}

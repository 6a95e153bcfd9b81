//! To the next CA, when the one that is asked is down or out of quota for longer than the certificate in service can wait.
//!
//! Never while an order is open at the present CA: whether that was finalized cannot be known here, and two CAs would
//! both issue. An order that is known to be of no use is not open any more.

use std::time::Duration;

use super::{begun, waiting};
use crate::clock::Timestamp;
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
    let open = matches!(run.checkpoint, Some(Checkpoint::AcmeOrder { .. }));
    let is_last = run.course.turned.len() >= plan.fallbacks.len();
    let too_long = run.failures + 1 >= TRIES || *until > now.plus(bearable(plan, now));
    if open || is_last || !too_long {
        return None;
    }
    let mut next = begun(run, Step::Issue);
    next.course.turned.push(Turned {
        attempt: run.attempt,
        at: now,
        failure: failure.clone(),
    });
    Some(next)
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
    use crate::disposition::Failure;
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

    fn open_order() -> Checkpoint {
        Checkpoint::AcmeOrder {
            url: "https://ca0.example.org/order/1".parse().expect("a URL"),
            expires: None,
            tokens: Vec::new(),
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
        let mut run = issuing(Some(open_order()));
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
        /// Whatever is reported: an open order stays at its CA, and there are no more turns than CAs.
        #[test]
        fn no_open_order_is_left_behind(happenings in prop::collection::vec((0..4_u8, 0..20_000_u64), 1..30)) {
            let mut run = issuing(None);
            for (kind, until) in happenings {
                let outcome = match kind {
                    0 => Outcome::Resting { until: at(until), checkpoint: open_order() },
                    1 => trouble(until, false),
                    _ => trouble(until, true),
                };
                let before = run.clone();
                run = reported(&run, outcome);
                if matches!(before.checkpoint, Some(Checkpoint::AcmeOrder { .. })) {
                    prop_assert_eq!(&run.course.turned, &before.course.turned);
                }
                prop_assert!(run.course.turned.len() <= 2);
                let Position::Waiting { .. } = run.position else { break };
                run = again(&run);
            }
        }
    }
}

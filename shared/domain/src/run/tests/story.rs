//! No sequence of events breaks a promise.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Happening {
    Release,
    Report { attempt_back: u32, kind: u8 },
    Overdue,
    Cancel,
    Resume,
    DueAgain,
    Resolve,
    Retry,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Release),
        6 => (0..2_u32, 0..6_u8).prop_map(|(attempt_back, kind)| Happening::Report { attempt_back, kind }),
        1 => Just(Happening::Overdue),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Resume),
        1 => Just(Happening::DueAgain),
        1 => Just(Happening::Resolve),
        1 => Just(Happening::Retry),
    ]
}

fn event(run: &RunState, what: &Happening, now: Timestamp) -> Event {
    let step = run.step().unwrap_or(Step::Tidy);
    match what {
        Happening::Release => Event::Released,
        Happening::Overdue => Event::Overdue { attempt: run.attempt },
        Happening::Cancel => Event::CancelRequested { by: "ann".into() },
        Happening::Resume => Event::Resumed,
        Happening::DueAgain => Event::DueAgain,
        Happening::Resolve => Event::Resolved { install: true },
        Happening::Retry => Event::Retried,
        Happening::Report { attempt_back, kind } => {
            let outcome = match kind {
                0 => Outcome::Resting {
                    until: now,
                    checkpoint: checkpoint(),
                },
                1 => Outcome::Retry {
                    until: now,
                    failure: failure(),
                    forget_checkpoint: false,
                    left: None,
                },
                2 => Outcome::Failed { failure: failure() },
                3 => Outcome::Stuck {
                    question: failure().ask(),
                    forget_checkpoint: true,
                    left: None,
                },
                _ => Outcome::Done { product: product(step) },
            };
            Event::Reported {
                step,
                attempt: run.attempt.saturating_sub(*attempt_back),
                outcome,
            }
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_a_promise(story in proptest::collection::vec(happening(), 0..80)) {
        let plan = plan(2);
        let mut now = at(0);
        let mut run = RunState::queued(&plan, now);
        let mut issued = false;
        for what in &story {
            now = now.plus(Duration::from_secs(1));
            let before = run.clone();
            match advance(&run, Intent::live(&plan), event(&run, what, now), now) {
                Err(_) => prop_assert_eq!(&run, &before),
                Ok(next) => {
                    let retried = matches!(what, Happening::Retry) && before.status() == Status::Failed;
                    prop_assert!(!before.status().is_ending() || retried, "settled stays settled");
                    prop_assert!(next.attempt >= before.attempt, "attempts never go back");
                    let newly_out = matches!(next.position, Position::Out { .. })
                        && !matches!(before.position, Position::Out { .. });
                    let resolved = matches!(what, Happening::Resolve);
                    prop_assert_eq!(newly_out || resolved, next.attempt == before.attempt + 1, "one number per order");
                    issued |= before.step() == Some(Step::Issue) && next.progress.targets.len() == 2
                        && matches!(next.step(), Some(Step::Deploy(_) | Step::Verify));
                    prop_assert!(!(issued && next.step() == Some(Step::Issue)), "never a second order after issuance");
                    let succeeded = next.status() == Status::Succeeded;
                    prop_assert!(!succeeded || next.progress.is_complete(), "no success without a look at every target");
                    run = next;
                }
            }
        }
    }
}

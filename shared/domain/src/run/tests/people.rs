//! Patience, life, and what people do.

use super::*;
use crate::cause::Cause;

#[test]
fn a_limit_is_no_failure_and_is_waited_for_long() {
    let mut run = waiting(Step::Issue);
    for _ in 0..20 {
        run = goes(&run, |_| Outcome::Retry {
            until: at(5),
            failure: failure().because(Cause::Fleet),
            forget_checkpoint: false,
            left: None,
        });
        assert_eq!(run.status(), Status::Running);
    }
}

#[test]
fn a_wait_of_more_than_half_of_what_is_left_of_the_certificate_is_asked_about_at_once() {
    let mut plan = plan(1);
    plan.expires_at = Some(at(100));
    let outcome = |until| Outcome::Retry {
        until: at(until),
        failure: failure().because(Cause::Fleet),
        forget_checkpoint: false,
        left: None,
    };
    for (until, status) in [(52, Status::Running), (53, Status::NeedsManual)] {
        let event = report(1, Step::Issue, outcome(until));
        let run = advance(&out(Step::Issue), Intent::live(&plan), event, at(5)).expect("its report");
        assert_eq!(run.status(), status);
    }
}

#[test]
fn a_certificate_that_a_person_brought_goes_on_to_the_look_or_to_the_targets() {
    let asked = goes(&RunState::queued(&plan(1), at(0)), stuck);
    for (install, next) in [(false, "verify"), (true, "deploy-0")] {
        let run = tell(&asked, Event::Resolved { install });
        assert_eq!((step(&run).as_str(), run.attempt), (next, asked.attempt + 1));
        assert_ne!(run.status(), Status::NeedsManual);
    }
}

#[test]
fn a_failed_run_is_retried_from_where_it_failed() {
    let fails = |_| Outcome::Failed { failure: failure() };
    let at_the_ca = goes(&goes(&RunState::queued(&plan(1), at(0)), done), fails);
    assert_eq!(step(&tell(&at_the_ca, Event::Retried)), "prepare-key");
    let at_a_target = goes(&issued_for(1), fails);
    assert_eq!(at_a_target.status(), Status::Failed);
    assert_eq!(
        step(&tell(&at_a_target, Event::Retried)),
        "deploy-0",
        "nothing is ordered again"
    );
    assert_eq!(
        advance(&ended(), Intent::live(&plan(1)), Event::Retried, at(5)),
        Err(Ignored::Settled)
    );
}

#[test]
fn a_rehearsal_goes_on_past_every_cross_and_fails_at_the_end() {
    let mut run = RunState::queued(&plan(1), at(0));
    let mut seen = Vec::new();
    while let Some(step) = run.step() {
        seen.push(step.to_string());
        let out = advance(&run, Intent::rehearsal(&plan(1)), Event::Released, at(5)).expect("its turn");
        let outcome = match step {
            Step::PrepareKey => retry(step),
            Step::Issue => stuck(step),
            Step::Deploy(_) | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => {
                Outcome::Failed { failure: failure() }
            }
            Step::Verify => Outcome::Done {
                product: Product::Rehearsed(Rehearsal::of(vec![
                    Check::cross("answers", "no"),
                    Check::cross("hint", "maybe").advisory(),
                ])),
            },
        };
        run = advance(
            &out,
            Intent::rehearsal(&plan(1)),
            report(out.attempt, step, outcome),
            at(5),
        )
        .expect("its report");
    }
    assert_eq!(seen, ["prepare-key", "issue", "deploy-0", "verify", "channels"]);
    assert_eq!((run.status(), run.progress.crosses.len()), (Status::Failed, 5));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn a_run_that_waits_for_its_next_try_makes_it_now_when_it_is_told_to() {
    for event in [Event::Resumed, Event::Retried] {
        let until = at(500);
        let because = Because::Retry { failure: failure() };
        let issue = RunState {
            position: Position::Waiting {
                step: Step::Issue,
                until,
                because,
            },
            failures: 2,
            ..out(Step::Issue)
        };
        let nudged = tell(&issue, event.clone());
        assert_eq!(
            (step(&tell(&nudged, Event::Released)).as_str(), nudged.failures),
            ("issue", 2)
        );
        let later = |_| Outcome::Retry {
            until,
            failure: failure(),
            forget_checkpoint: false,
            left: None,
        };
        let aside = goes(&issued_for(1), later);
        assert_eq!(
            advance(&aside, Intent::live(&plan(1)), Event::Released, at(5)),
            Err(Ignored::OutOfPlace)
        );
        assert_eq!(step(&tell(&tell(&aside, event.clone()), Event::Released)), "deploy-0");
        for because in [
            Because::Turn,
            Because::Planned,
            Because::Resting,
            Because::Window,
            Because::Cooldown,
        ] {
            let position = Position::Waiting {
                step: Step::Issue,
                until,
                because,
            };
            let rests = RunState {
                position,
                ..issue.clone()
            };
            assert_eq!(
                advance(&rests, Intent::live(&plan(1)), event.clone(), at(5)),
                Err(Ignored::OutOfPlace)
            );
        }
    }
}

//! How a run moves. Pure: (where it stands, what happened, now) → where it stands next.
//!
//! ```text
//!              │ Released      │ Reported(attempt matches)                       │ Overdue        │ Cancel         │ Resume, DueAgain, Resolved │ Retried
//! ─────────────┼───────────────┼─────────────────────────────────────────────────┼────────────────┼────────────────┼────────────────────────────┼───────────
//! Waiting(s)   │ Out(s)        │ –                                               │ –              │ *              │ –                          │ –
//! Out(s)       │ –             │ done → Waiting(next) or Ended                   │ Waiting(s), or │ noted; ends    │ –                          │ –
//!              │               │ resting → Waiting(s, until)                     │ Asking(s) when │ after the      │                            │
//!              │               │ retry → Waiting(s, until), Asking(s) at patience│ patience ends  │ report         │                            │
//!              │               │ failed → Ended        stuck → Asking(s)         │                │                │                            │
//!              │               │ Issue failover → Waiting(Issue) at the next CA │                │                │                            │
//! Asking(s)    │ –             │ –                                               │ –              │ *              │ Waiting                    │ –
//! Ended failed │ –             │ –                                               │ –              │ –              │ –                          │ Waiting
//! Ended        │ –             │ –                                               │ –              │ –              │ –                          │ –
//! ```
//! Resumed and Retried of a run that waits on the ladder, after a failure: the next try is made
//! now. `*`: Rollback of each target whose new pair is in place without an activation that ended;
//! then Tidy, or Ended. The ending names what stays. Unready puts a run that waits for Issue, with
//! no order at the CA yet, to Asking(Issue): its targets could not take a certificate; TargetsSeen
//! keeps it where it is and is noted for the record of Issue. Postponed keeps a run that waits
//! where it is, until later and for another reason; or, when a limit of the CA has no room for
//! longer than the certificate in service can wait, Waiting(Issue) at the next CA, Asking(Issue)
//! after the last; so does Outwaited with one that has waited for a limit for so long. LookedFor
//! keeps it where it is while its host is looked at. `–` leaves the run as it is, and says why. The
//! targets have states of their own (`deploy`): one that fails is put aside until the others are
//! through. A rehearsal never waits and never asks (`rehearse`). What people do to a run that
//! stands is in `people`.

mod deploy;
mod event;
mod failover;
mod people;
mod rehearse;
mod target_look;

pub use event::{Event, Ignored};
use failover::FullLimit;
pub use failover::outwaits_at;

use std::time::Duration;

use super::{Because, Checkpoint, Ending, Intent, Left, Mode, Outcome, Position, Product, RunState, Step};
use crate::asked_wait;
use crate::backoff::LONG_PATIENCE;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;

/// A step that has come further goes on at once; one that is rested for longer is looked at all the
/// same.
const LONGEST_REST: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What an outcome comes to, patience and the certificate's life considered.
enum Weighed {
    Done(Product),
    Rest {
        until: Timestamp,
        checkpoint: Checkpoint,
    },
    Again {
        until: Timestamp,
        failure: Failure,
    },
    Ask {
        question: Question,
        retry_at: Option<Timestamp>,
    },
    Fail(Failure),
}

/// The step whose order is out, and what has become of it.
struct StepOutcome {
    step: Step,
    outcome: Outcome,
}

/// Moves the run, or says why not. An ignored event changes nothing.
///
/// # Errors
/// `Ignored` when the event does not fit where the run stands.
pub fn advance(run: &RunState, intent: Intent<'_>, event: Event, now: Timestamp) -> Result<RunState, Ignored> {
    let mut next = moved(run, intent, event, now)?;
    next.progress.failing_since = match (run.failures, next.failures) {
        (_, 0) => None,
        (0, _) => Some(now),
        (_, _) => run.progress.failing_since,
    };
    Ok(next)
}

#[expect(clippy::too_many_lines, reason = "the table of every move, one arm for each")]
fn moved(run: &RunState, intent: Intent<'_>, event: Event, now: Timestamp) -> Result<RunState, Ignored> {
    let Intent { plan, mode } = intent;
    match (&run.position, event) {
        (Position::Ended { ending }, Event::Retried) => people::retried(run, ending, intent),
        (Position::Ended { .. }, _) => Err(Ignored::Settled),
        (Position::Waiting { step, until, .. }, Event::Released) if *until <= now => Ok(out(run, plan, *step, now)),
        (
            Position::Waiting { step, .. },
            Event::Postponed {
                until,
                because,
                expected_at,
            },
        ) => {
            let not_waited = match (step, mode) {
                (Step::Issue, Mode::Live) => {
                    FullLimit::of(&because, expected_at).and_then(|limit| failover::outwaited(run, plan, &limit, now))
                }
                (_, Mode::Live | Mode::DryRun) => None,
            };
            Ok(not_waited.unwrap_or_else(|| waiting(run, *step, until, because)))
        }
        (
            Position::Waiting {
                step: Step::Issue,
                because: Because::Limit { name, .. },
                ..
            },
            Event::Outwaited,
        ) if mode == Mode::Live => Ok(failover::has_outwaited(run, plan, name, now)),
        (Position::Waiting { step, .. }, Event::LookedFor { since, until }) => {
            let mut next = waiting(run, *step, until, Because::Resting);
            next.progress.look_since = Some(since);
            Ok(next)
        }
        // A way back that was begun is gone to its end.
        (
            Position::Waiting {
                step: Step::Rollback(_) | Step::Confirm,
                ..
            },
            Event::CancelRequested { by },
        ) => Ok(RunState {
            cancelled_by: Some(by),
            ..run.clone()
        }),
        (Position::Waiting { step: Step::Issue, .. }, Event::Unready { question })
            if mode == Mode::Live && run.checkpoint.is_none() =>
        {
            Ok(target_look::unready(run, question, now))
        }
        (Position::Waiting { step: Step::Issue, .. }, Event::TargetsSeen { found, at }) if mode == Mode::Live => {
            Ok(target_look::seen(run, plan, &found, at))
        }
        (Position::Waiting { .. } | Position::Asking { .. }, Event::CancelRequested { by }) => {
            Ok(people::given_up(run, intent, by, now))
        }
        (Position::Out { .. }, Event::CancelRequested { by }) => Ok(RunState {
            cancelled_by: Some(by),
            ..run.clone()
        }),
        (
            Position::Out { step, .. },
            Event::Reported {
                step: of,
                attempt,
                outcome,
            },
        ) if *step == of && run.attempt == attempt => {
            let step = *step;
            let next = reported(run, intent, StepOutcome { step, outcome }, now)?;
            Ok(people::given_up_if_asked(next, intent, now))
        }
        (Position::Out { step, .. }, Event::Overdue { attempt }) if attempt == run.attempt => {
            let (step, outcome) = (*step, unanswered(*step, now));
            let next = reported(run, intent, StepOutcome { step, outcome }, now)?;
            Ok(people::given_up_if_asked(next, intent, now))
        }
        (
            Position::Waiting {
                because: Because::Retry { .. },
                ..
            },
            Event::Resumed | Event::Retried,
        ) => Ok(people::nudged(run, plan, now)),
        (Position::Asking { step, .. }, Event::Resumed) => Ok(people::resumed(run, plan, *step)),
        (Position::Asking { retry_at, .. }, Event::DueAgain) if retry_at.is_some_and(|at| at <= now) => {
            Ok(people::due_again(run, plan, now))
        }
        (Position::Asking { step, .. }, Event::Resolved { install }) if mode == Mode::Live && *step != Step::Tidy => {
            Ok(people::resolved(run, plan, install))
        }
        (_, Event::Reported { .. } | Event::Overdue { .. }) => Err(Ignored::Stale),
        (
            _,
            Event::Released
            | Event::Postponed { .. }
            | Event::Outwaited
            | Event::LookedFor { .. }
            | Event::Unready { .. }
            | Event::TargetsSeen { .. }
            | Event::Resumed
            | Event::DueAgain
            | Event::Resolved { .. }
            | Event::Retried,
        ) => Err(Ignored::OutOfPlace),
    }
}

fn out(run: &RunState, plan: &Plan, step: Step, now: Timestamp) -> RunState {
    let position = Position::Out {
        step,
        deadline: now.plus(plan.patience(step)),
    };
    RunState {
        position,
        attempt: run.attempt + 1,
        ..run.clone()
    }
}

/// The order is past its deadline: a worker died with it, or none is there.
fn unanswered(step: Step, now: Timestamp) -> Outcome {
    Outcome::Retry {
        until: now,
        failure: Failure::new(
            "RUN-0001",
            format!("no worker answered the order for {step} in time"),
            "see whether the service of this step is running and healthy, then resume",
        )
        // No verifier has looked: that is no evidence against what is installed.
        .keep_installed()
        .because(Cause::Fleet),
        forget_checkpoint: false,
        left: None,
    }
}

fn reported(run: &RunState, intent: Intent<'_>, reported: StepOutcome, now: Timestamp) -> Result<RunState, Ignored> {
    if let Outcome::Done { product } = &reported.outcome
        && !product.fits(reported.step.kind())
    {
        return Err(Ignored::WrongProduct);
    }
    match intent.mode {
        Mode::DryRun => Ok(rehearse::rehearsed(run, intent.plan, reported.step, reported.outcome)),
        Mode::Live => Ok(live(run, intent.plan, reported, now)),
    }
}

fn live(run: &RunState, plan: &Plan, reported: StepOutcome, now: Timestamp) -> RunState {
    let StepOutcome { step, outcome } = reported;
    let run = &leaving(&forgetting(run, &outcome), step, &outcome);
    if step == Step::Issue
        && let Some(next) = failover::fail_over(run, plan, &outcome, now)
    {
        return next;
    }
    let weighed = weigh(run, plan, outcome, now);
    match step {
        Step::Deploy(index) => deploy::deployed(run, plan, usize::from(index), weighed),
        Step::Verify => deploy::verified(run, plan, weighed, now),
        Step::Rollback(index) => deploy::returned(run, usize::from(index), weighed),
        Step::Confirm => deploy::confirmed(run, weighed),
        Step::PrepareKey | Step::Issue | Step::Channels | Step::Tidy => match weighed {
            Weighed::Done(product) => match plan.after(step, Mode::Live) {
                Some(Step::Deploy(_) | Step::Verify) => deploy::onward(&with_certificate(run, &product), plan),
                Some(next) => begun(run, next),
                None => ended(run, Ending::Succeeded),
            },
            other @ (Weighed::Rest { .. } | Weighed::Again { .. } | Weighed::Ask { .. } | Weighed::Fail(_)) => {
                standing(run, step, other)
            }
        },
    }
}

/// Whether the issuer has left something for Tidy.
fn with_certificate(run: &RunState, product: &Product) -> RunState {
    let mut run = run.clone();
    run.progress.tidied = matches!(product, Product::Issued(issued) if issued.left.is_empty());
    run
}

/// Patience and life: a retry that is one too many, or would come after the certificate in service
/// has expired, is a question that goes on trying by itself.
fn weigh(run: &RunState, plan: &Plan, outcome: Outcome, now: Timestamp) -> Weighed {
    match outcome {
        Outcome::Done { product } => Weighed::Done(product),
        Outcome::Resting { until, checkpoint } => Weighed::Rest {
            until: until.min(now.plus(LONGEST_REST)),
            checkpoint,
        },
        Outcome::Failed { failure } => Weighed::Fail(failure),
        Outcome::Stuck { question, .. } => Weighed::Ask {
            question,
            retry_at: None,
        },
        Outcome::Retry { until, failure, .. } => {
            let patient = failure.passes_by_itself();
            let patience = if patient { LONG_PATIENCE } else { plan.ladder.patience() };
            let too_late = if patient {
                asked_wait::is_too_long(until, plan.expires_at, now)
            } else {
                plan.expires_at.is_some_and(|end| now < end && until >= end)
            };
            if run.failures + 1 >= patience || too_late {
                // Whatever the CA has said: while no person answers it is asked once a day.
                let tried_at = until.min(now.plus(DAY)).max(now.plus(plan.ladder.wait(run.failures)));
                Weighed::Ask {
                    question: failure.ask(),
                    retry_at: Some(tried_at),
                }
            } else {
                Weighed::Again { until, failure }
            }
        }
    }
}

/// Stays at its step, whatever came of it but success.
fn standing(run: &RunState, step: Step, weighed: Weighed) -> RunState {
    match weighed {
        // The caller has taken it.
        Weighed::Done(_) => run.clone(),
        Weighed::Rest { until, checkpoint } => RunState {
            checkpoint: Some(checkpoint),
            failures: 0,
            ..waiting(run, step, until, Because::Resting)
        },
        Weighed::Again { until, failure } => RunState {
            failures: run.failures + 1,
            ..waiting(run, step, until, Because::Retry { failure })
        },
        Weighed::Ask { question, retry_at } => asking(run, step, question, retry_at),
        Weighed::Fail(failure) => ended(
            run,
            Ending::Failed {
                failure,
                at: Some(step),
            },
        ),
    }
}

fn waiting(run: &RunState, step: Step, until: Timestamp, because: Because) -> RunState {
    RunState {
        position: Position::Waiting { step, until, because },
        ..run.clone()
    }
}

/// The next step may go out at once: its turn is up to the lane alone.
fn begun(run: &RunState, step: Step) -> RunState {
    RunState {
        failures: 0,
        checkpoint: None,
        ..waiting(run, step, Timestamp::EPOCH, Because::Turn)
    }
}

fn asking(run: &RunState, step: Step, question: Question, retry_at: Option<Timestamp>) -> RunState {
    RunState {
        position: Position::Asking {
            step,
            question,
            retry_at,
        },
        ..run.clone()
    }
}

fn ended(run: &RunState, ending: Ending) -> RunState {
    RunState {
        position: Position::Ended { ending },
        ..run.clone()
    }
}

/// Takes down what a deployment left at its target: a cancelled run puts back what is not proven.
fn leaving(run: &RunState, step: Step, outcome: &Outcome) -> RunState {
    let left = match outcome {
        Outcome::Done { .. } => Some(Left::Former),
        Outcome::Retry { left, .. } | Outcome::Stuck { left, .. } => left.clone(),
        Outcome::Resting { .. } | Outcome::Failed { .. } => None,
    };
    let mut run = run.clone();
    // The record of the step has them now.
    run.progress.target_looks.clear();
    if let (Step::Deploy(target), Some(left)) = (step, left) {
        run.progress.leave(target, left);
    }
    run
}

fn forgetting(run: &RunState, outcome: &Outcome) -> RunState {
    let forget = match outcome {
        Outcome::Retry { forget_checkpoint, .. } | Outcome::Stuck { forget_checkpoint, .. } => *forget_checkpoint,
        Outcome::Done { .. } | Outcome::Resting { .. } | Outcome::Failed { .. } => false,
    };
    RunState {
        checkpoint: if forget { None } else { run.checkpoint.clone() },
        ..run.clone()
    }
}

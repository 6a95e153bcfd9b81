//! How a run moves. Pure: (where it stands, what happened, now) → where it stands next.
//!
//! ```text
//!              │ Released      │ Reported(attempt matches)                       │ Overdue        │ Cancel         │ Resume, DueAgain, Resolved │ Retried
//! ─────────────┼───────────────┼─────────────────────────────────────────────────┼────────────────┼────────────────┼────────────────────────────┼───────────
//! Waiting(s)   │ Out(s)        │ –                                               │ –              │ Tidy, or Ended │ –                          │ –
//! Out(s)       │ –             │ done → Waiting(next) or Ended                   │ Waiting(s), or │ noted; ends    │ –                          │ –
//!              │               │ resting → Waiting(s, until)                     │ Asking(s) when │ after the      │                            │
//!              │               │ retry → Waiting(s, until), Asking(s) at patience│ patience ends  │ report         │                            │
//!              │               │ failed → Ended        stuck → Asking(s)         │                │                │                            │
//!              │               │ Issue elsewhere → Waiting(Issue) at the next CA │                │                │                            │
//! Asking(s)    │ –             │ –                                               │ –              │ Tidy, or Ended │ Waiting                    │ –
//! Ended failed │ –             │ –                                               │ –              │ –              │ –                          │ Waiting
//! Ended        │ –             │ –                                               │ –              │ –              │ –                          │ –
//! ```
//! Postponed keeps a run that waits where it is, until later and for another reason; or, when a limit of the CA has no room for
//! longer than the certificate in service can wait, Waiting(Issue) at the next CA. `–` leaves the run as it is, and says why. The targets have states of their own (`deploy`): one that fails is put
//! aside until the others are through. A rehearsal never waits and never asks (`rehearse`). What people do to a run
//! that stands is in `people`.

mod deploy;
mod elsewhere;
mod people;
mod rehearse;

use super::{Because, Checkpoint, Ending, Mode, Outcome, Position, Product, RunState, Step};
use crate::backoff::LONG_PATIENCE;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The lane has a place: the order goes out.
    Released,
    /// It is due, and something keeps it: a window, a limit of the CA.
    Postponed {
        until: Timestamp,
        because: Because,
        /// When its turn comes by then at the latest: many may wait for the same.
        expected_at: Timestamp,
    },
    /// A worker's answer to the order `(step, attempt)`.
    Reported {
        step: Step,
        attempt: u32,
        outcome: Outcome,
    },
    /// The order's deadline has passed without an answer.
    Overdue {
        attempt: u32,
    },
    CancelRequested {
        by: String,
    },
    /// A person has mended it.
    Resumed,
    /// Nobody has answered, and the time for another try has come.
    DueAgain,
    /// A person brought a certificate; `install` when it is not at its targets yet.
    Resolved {
        install: bool,
    },
    /// A failed run is to go on where it failed.
    Retried,
}

/// Why an event left the run as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    #[error("the run has ended")]
    Settled,
    #[error("it belongs to an order that was replaced or answered")]
    Stale,
    #[error("the run is not in a place where this can happen")]
    OutOfPlace,
    #[error("the product is not one of this step")]
    WrongProduct,
}

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

/// Moves the run, or says why not. An ignored event changes nothing.
pub fn advance(run: &RunState, plan: &Plan, mode: Mode, event: Event, now: Timestamp) -> Result<RunState, Ignored> {
    let mut next = moved(run, (plan, mode), event, now)?;
    next.course.failing_since = match (run.failures, next.failures) {
        (_, 0) => None,
        (0, _) => Some(now),
        (_, _) => run.course.failing_since,
    };
    Ok(next)
}

fn moved(run: &RunState, (plan, mode): (&Plan, Mode), event: Event, now: Timestamp) -> Result<RunState, Ignored> {
    match (&run.position, event) {
        (Position::Ended { ending }, Event::Retried) => people::retried(run, ending, (plan, mode)),
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
            let turned = match (step, mode) {
                (Step::Issue, Mode::Live) => elsewhere::outwaited(run, plan, (&because, expected_at), now),
                (_, Mode::Live | Mode::DryRun) => None,
            };
            Ok(turned.unwrap_or_else(|| waiting(run, *step, until, because)))
        }
        (Position::Waiting { .. } | Position::Asking { .. }, Event::CancelRequested { by }) => {
            Ok(people::given_up(run, mode, by))
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
            let next = reported(run, (plan, mode), (*step, outcome), now)?;
            Ok(people::given_up_if_asked(next, mode))
        }
        (Position::Out { step, .. }, Event::Overdue { attempt }) if attempt == run.attempt => {
            let next = reported(run, (plan, mode), (*step, unanswered(*step, now)), now)?;
            Ok(people::given_up_if_asked(next, mode))
        }
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
        ),
        forget_checkpoint: false,
        patient: true,
        elsewhere: false,
    }
}

fn reported(
    run: &RunState,
    (plan, mode): (&Plan, Mode),
    (step, outcome): (Step, Outcome),
    now: Timestamp,
) -> Result<RunState, Ignored> {
    if let Outcome::Done { product } = &outcome
        && !product.fits(step.kind())
    {
        return Err(Ignored::WrongProduct);
    }
    match mode {
        Mode::DryRun => Ok(rehearse::rehearsed(run, plan, step, outcome)),
        Mode::Live => Ok(live(run, plan, (step, outcome), now)),
    }
}

fn live(run: &RunState, plan: &Plan, (step, outcome): (Step, Outcome), now: Timestamp) -> RunState {
    let run = &forgetting(run, &outcome);
    if step == Step::Issue
        && let Some(next) = elsewhere::turned(run, plan, &outcome, now)
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
            other => standing(run, step, other),
        },
    }
}

/// Whether the issuer has left something for Tidy.
fn with_certificate(run: &RunState, product: &Product) -> RunState {
    let mut run = run.clone();
    run.course.tidied = matches!(product, Product::Issued(issued) if issued.tokens.is_empty());
    run
}

/// Patience and life: a retry that is one too many, or would come after the certificate in service has expired, is a
/// question that goes on trying by itself.
fn weigh(run: &RunState, plan: &Plan, outcome: Outcome, now: Timestamp) -> Weighed {
    match outcome {
        Outcome::Done { product } => Weighed::Done(product),
        Outcome::Resting { until, checkpoint } => Weighed::Rest { until, checkpoint },
        Outcome::Failed { failure } => Weighed::Fail(failure),
        Outcome::Stuck { question, .. } => Weighed::Ask {
            question,
            retry_at: None,
        },
        Outcome::Retry {
            until,
            failure,
            patient,
            ..
        } => {
            let patience = if patient { LONG_PATIENCE } else { plan.ladder.patience() };
            let too_late = plan.expires_at.is_some_and(|end| now < end && until >= end);
            if run.failures + 1 >= patience || too_late {
                Weighed::Ask {
                    question: failure.ask(),
                    retry_at: Some(until.max(now.plus(plan.ladder.wait(run.failures)))),
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

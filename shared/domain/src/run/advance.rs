//! How a run moves. Pure: (where it stands, what happened, now) → where it stands next.
//!
//! ```text
//!              │ Released      │ Reported(attempt matches)                       │ Overdue        │ Cancel         │ Resume
//! ─────────────┼───────────────┼─────────────────────────────────────────────────┼────────────────┼────────────────┼────────────
//! Waiting(s)   │ Out(s)        │ –                                               │ –              │ Ended          │ –
//! Out(s)       │ –             │ done → Waiting(next) or Ended                   │ Waiting(s), or │ noted; ends at │ –
//!              │               │ resting → Waiting(s, until)                     │ Asking(s) when │ the report     │
//!              │               │ retry → Waiting(s, until), Asking(s) at patience│ patience ends  │                │
//!              │               │ failed → Ended        stuck → Asking(s)         │                │                │
//! Asking(s)    │ –             │ –                                               │ –              │ Ended          │ Waiting(s)
//! Ended        │ –             │ –                                               │ –              │ –              │ –
//! ```
//! `–` leaves the run as it is, and says why.

use serde::{Deserialize, Serialize};

use super::{Because, Checkpoint, Ending, Mode, Position, Product, RunState, Step};
use crate::backoff::PATIENCE;
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The lane has a place: the order goes out.
    Released,
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
    Resumed,
}

/// How a worker's step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Done {
        product: Product,
    },
    Resting {
        until: Timestamp,
        checkpoint: Checkpoint,
    },
    /// `forget_checkpoint` when what was begun at the other side is of no use any more (an invalid order).
    Retry {
        until: Timestamp,
        failure: Failure,
        #[serde(default)]
        forget_checkpoint: bool,
    },
    Failed {
        failure: Failure,
    },
    Stuck {
        question: Question,
        #[serde(default)]
        forget_checkpoint: bool,
    },
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

/// Moves the run, or says why not. An ignored event changes nothing.
pub fn advance(run: &RunState, plan: &Plan, mode: Mode, event: Event, now: Timestamp) -> Result<RunState, Ignored> {
    match (&run.position, event) {
        (Position::Ended { .. }, _) => Err(Ignored::Settled),
        (Position::Waiting { step, until, .. }, Event::Released) if *until <= now => Ok(out(run, plan, *step, now)),
        (Position::Waiting { .. } | Position::Asking { .. }, Event::CancelRequested { by }) => Ok(cancelled(run, by)),
        (Position::Waiting { .. }, Event::Reported { .. } | Event::Overdue { .. }) => Err(Ignored::Stale),
        (Position::Waiting { .. }, Event::Released | Event::Resumed) => Err(Ignored::OutOfPlace),
        (
            Position::Out { step, .. },
            Event::Reported {
                step: reported,
                attempt,
                outcome,
            },
        ) => {
            if *step != reported || run.attempt != attempt {
                return Err(Ignored::Stale);
            }
            let next = report(run, plan, mode, (*step, outcome))?;
            Ok(ending_if_asked(next))
        }
        (Position::Out { step, .. }, Event::Overdue { attempt }) if attempt == run.attempt => {
            Ok(ending_if_asked(overdue(run, *step, now)))
        }
        (Position::Out { .. }, Event::Overdue { .. }) => Err(Ignored::Stale),
        (Position::Out { .. }, Event::CancelRequested { by }) => Ok(RunState {
            cancelled_by: Some(by),
            ..run.clone()
        }),
        (Position::Out { .. }, Event::Released | Event::Resumed) => Err(Ignored::OutOfPlace),
        (Position::Asking { step, .. }, Event::Resumed) => Ok(RunState {
            failures: 0,
            ..waiting(run, *step, now, Because::Turn)
        }),
        (Position::Asking { .. }, Event::Reported { .. } | Event::Overdue { .. }) => Err(Ignored::Stale),
        (Position::Asking { .. }, Event::Released) => Err(Ignored::OutOfPlace),
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

fn report(run: &RunState, plan: &Plan, mode: Mode, (step, outcome): (Step, Outcome)) -> Result<RunState, Ignored> {
    Ok(match outcome {
        Outcome::Done { product } if !product.fits(step.kind()) => {
            return Err(Ignored::WrongProduct);
        }
        Outcome::Done { .. } => match plan.after(step, mode) {
            Some(next) => begun(run, next),
            None => ended(run, Ending::Succeeded),
        },
        Outcome::Resting { until, checkpoint } => RunState {
            checkpoint: Some(checkpoint),
            failures: 0,
            ..waiting(run, step, until, Because::Resting)
        },
        Outcome::Retry {
            until,
            failure,
            forget_checkpoint,
        } => {
            let run = &forgetting(run, forget_checkpoint);
            if run.failures + 1 >= PATIENCE {
                asking(run, step, failure.ask())
            } else {
                RunState {
                    failures: run.failures + 1,
                    ..waiting(run, step, until, Because::Retry { failure })
                }
            }
        }
        Outcome::Failed { failure } => ended(run, Ending::Failed { failure }),
        Outcome::Stuck {
            question,
            forget_checkpoint,
        } => asking(&forgetting(run, forget_checkpoint), step, question),
    })
}

fn overdue(run: &RunState, step: Step, now: Timestamp) -> RunState {
    let failure = Failure::new(
        "RUN-0001",
        format!("no worker answered the order for {step} in time"),
        "see whether the service of this step is running and healthy, then resume",
    );
    if run.failures + 1 >= PATIENCE {
        asking(run, step, failure.ask())
    } else {
        RunState {
            failures: run.failures + 1,
            ..waiting(run, step, now, Because::Retry { failure })
        }
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

fn asking(run: &RunState, step: Step, question: Question) -> RunState {
    RunState {
        position: Position::Asking { step, question },
        ..run.clone()
    }
}

fn ended(run: &RunState, ending: Ending) -> RunState {
    RunState {
        position: Position::Ended { ending },
        ..run.clone()
    }
}

fn cancelled(run: &RunState, by: String) -> RunState {
    ended(run, Ending::Cancelled { by })
}

fn forgetting(run: &RunState, forget: bool) -> RunState {
    let checkpoint = if forget { None } else { run.checkpoint.clone() };
    RunState {
        checkpoint,
        ..run.clone()
    }
}

/// A run that was cancelled while its order was out ends with the answer, unless that answer ended it already.
fn ending_if_asked(run: RunState) -> RunState {
    match (&run.position, &run.cancelled_by) {
        (Position::Ended { .. }, _) | (_, None) => run,
        (Position::Waiting { .. } | Position::Out { .. } | Position::Asking { .. }, Some(by)) => {
            let by = by.clone();
            cancelled(&run, by)
        }
    }
}

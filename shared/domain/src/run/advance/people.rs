//! What people do to a run that stands, and what the clock does in their absence.

use super::{begun, deploy, ended, failover, waiting};
use crate::clock::Timestamp;
use crate::plan::Plan;
use crate::run::{Because, Checkpoint, Ending, Ignored, Intent, Mode, Position, RunState, Step, TargetState};

/// Goes on where it stands: at the targets that failed, not at those that did not.
pub(super) fn resumed(run: &RunState, plan: &Plan, step: Step) -> RunState {
    let run = &RunState {
        failures: 0,
        ..run.clone()
    };
    match step {
        Step::Deploy(_) | Step::Verify => {
            let mut again = run.clone();
            for one in &mut again.progress.targets {
                match one {
                    TargetState::Stuck { .. } | TargetState::Broken { .. } | TargetState::RolledBack { .. } => {
                        *one = TargetState::Pending;
                    }
                    TargetState::Pending
                    | TargetState::Aside { .. }
                    | TargetState::Installed { .. }
                    | TargetState::Returning { .. }
                    | TargetState::Removed { .. } => {}
                }
            }
            again.progress.verified = false;
            again.progress.withheld = None;
            deploy::onward(&again, plan)
        }
        Step::Issue => failover::resumed(run),
        Step::PrepareKey | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => {
            waiting(run, step, Timestamp::EPOCH, Because::Turn)
        }
    }
}

/// A person does not want to wait for the next try: it is made now, at every target that was put
/// aside.
pub(super) fn nudged(run: &RunState, plan: &Plan, now: Timestamp) -> RunState {
    let Position::Waiting {
        step,
        because: Because::Retry { failure },
        ..
    } = &run.position
    else {
        return run.clone();
    };
    match step {
        Step::Deploy(_) | Step::Verify => {
            let mut again = run.clone();
            for one in &mut again.progress.targets {
                if let TargetState::Aside { until, .. } = one {
                    *until = now;
                }
            }
            deploy::onward(&again, plan)
        }
        Step::PrepareKey | Step::Issue | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => {
            let failure = failure.clone();
            waiting(run, *step, now, Because::Retry { failure })
        }
    }
}

/// Tries once more by itself; another failure asks again at once.
pub(super) fn due_again(run: &RunState, plan: &Plan, now: Timestamp) -> RunState {
    let Position::Asking { step, question, .. } = &run.position else {
        return run.clone();
    };
    let failures = plan.ladder.patience().saturating_sub(1).max(run.failures);
    let failure = question.as_failure();
    if let Step::Deploy(_) = step {
        let mut again = run.clone();
        for one in &mut again.progress.targets {
            if let TargetState::Stuck { question, retry_at } = one
                && retry_at.is_some_and(|at| at <= now)
            {
                *one = TargetState::Aside {
                    until: now,
                    failures,
                    failure: question.as_failure(),
                };
            }
        }
        return deploy::onward(&again, plan);
    }
    RunState {
        failures,
        ..waiting(run, *step, now, Because::Retry { failure })
    }
}

/// With a certificate that a person brought: to its targets, or straight to the look at what is
/// served.
pub(super) fn resolved(run: &RunState, plan: &Plan, install: bool) -> RunState {
    let state = if install {
        TargetState::Pending
    } else {
        TargetState::Installed { replaced: None }
    };
    let mut next = RunState {
        // A number of its own: the record of the steps is kept under it.
        attempt: run.attempt + 1,
        failures: 0,
        checkpoint: None,
        ..run.clone()
    };
    next.progress.tidied &= run.checkpoint.is_none();
    for one in &mut next.progress.targets {
        if !matches!(one, TargetState::Removed { .. }) {
            one.clone_from(&state);
        }
    }
    next.progress.verified = false;
    next.progress.withheld = None;
    deploy::onward(&next, plan)
}

/// From the first step that must be repeated. A CSR that a CA refused cannot be repaired by asking
/// again, and a new key costs nothing: a failed issuance begins with its key.
pub(super) fn retried(run: &RunState, ending: &Ending, intent: Intent<'_>) -> Result<RunState, Ignored> {
    let Intent { plan, mode } = intent;
    let (Ending::Failed { at, .. }, Mode::Live) = (ending, mode) else {
        return Err(Ignored::Settled);
    };
    let run = &RunState {
        cancelled_by: None,
        ..run.clone()
    };
    Ok(match at.unwrap_or(plan.first_step()) {
        Step::PrepareKey | Step::Issue => begun(&failover::back_to_first(run), plan.first_step()),
        step @ (Step::Deploy(_) | Step::Verify | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy) => {
            resumed(run, plan, step)
        }
    })
}

/// The end that a person asked for. What a server may not have taken is put back first, and records
/// at the CA are removed.
pub(super) fn given_up(run: &RunState, intent: Intent<'_>, by: String, now: Timestamp) -> RunState {
    let Intent { plan, mode } = intent;
    if mode == Mode::Live
        && let Some(back) = deploy::taken_back(run, now)
    {
        return RunState {
            cancelled_by: Some(by),
            ..back
        };
    }
    if mode == Mode::Live && leaves_records(run) {
        let tidying = waiting(run, Step::Tidy, Timestamp::EPOCH, Because::Turn);
        return RunState {
            failures: 0,
            cancelled_by: Some(by),
            ..tidying
        };
    }
    cancelled(run, plan, by)
}

/// What is left as the run made it is named: no step looks after it any more.
fn cancelled(run: &RunState, plan: &Plan, by: String) -> RunState {
    let stays = deploy::stays(run, plan);
    ended(run, Ending::Cancelled { by, stays })
}

fn leaves_records(run: &RunState) -> bool {
    match run.step() {
        None | Some(Step::PrepareKey | Step::Channels | Step::Tidy) => false,
        Some(Step::Issue) => run.checkpoint.as_ref().is_some_and(Checkpoint::is_open),
        Some(Step::Deploy(_) | Step::Verify | Step::Rollback(_) | Step::Confirm) => !run.progress.tidied,
    }
}

/// A run that was cancelled while its order was out ends after the answer, unless that answer ended
/// it already. A way back that was begun is gone to its end.
pub(super) fn given_up_if_asked(run: RunState, intent: Intent<'_>, now: Timestamp) -> RunState {
    let Intent { plan, mode } = intent;
    let Some(by) = run.cancelled_by.clone() else {
        return run;
    };
    match &run.position {
        Position::Ended {
            ending: Ending::Succeeded,
        } if mode == Mode::DryRun || run.progress.is_complete() => run,
        Position::Ended {
            ending: Ending::Succeeded | Ending::Failed { .. },
        } => cancelled(&run, plan, by),
        Position::Ended {
            ending: Ending::Cancelled { .. },
        } => run,
        Position::Waiting {
            step: Step::Rollback(_) | Step::Confirm,
            ..
        } => run,
        Position::Waiting { .. } | Position::Out { .. } | Position::Asking { .. } => given_up(&run, intent, by, now),
    }
}

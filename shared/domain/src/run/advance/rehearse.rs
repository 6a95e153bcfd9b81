//! A rehearsal ends in seconds: it never waits and never asks; what went wrong is a cross, and it goes on.

use super::{begun, ended, standing};
use crate::counted::counted;
use crate::disposition::Failure;
use crate::plan::Plan;
use crate::run::{Ending, Mode, Outcome, Product, RunState, Step};

pub(super) fn rehearsed(run: &RunState, plan: &Plan, step: Step, outcome: Outcome) -> RunState {
    let mut next = run.clone();
    match outcome {
        Outcome::Done {
            product: Product::Rehearsed(rehearsal),
        } => {
            let failed = rehearsal.checks.iter().filter(|check| !check.passed && !check.advisory);
            let said = failed.map(|check| format!("{step}: {} ({})", check.name, check.evidence));
            next.progress.crosses.extend(said);
        }
        Outcome::Done { .. } => {}
        Outcome::Resting { until, checkpoint } => {
            return standing(run, step, super::Weighed::Rest { until, checkpoint });
        }
        Outcome::Retry { failure, .. } | Outcome::Failed { failure } => {
            next.progress
                .crosses
                .push(format!("{step}: {} {}", failure.code, failure.what));
        }
        Outcome::Stuck { question, .. } => {
            next.progress
                .crosses
                .push(format!("{step}: {} {}", question.code, question.what));
        }
    }
    match plan.after(step, Mode::DryRun) {
        Some(step) => begun(&next, step),
        None => concluded(&next, step),
    }
}

fn concluded(run: &RunState, step: Step) -> RunState {
    let crosses = &run.progress.crosses;
    if crosses.is_empty() {
        return ended(run, Ending::Succeeded);
    }
    let wrong = counted(crosses.len(), "thing");
    let what = format!("the rehearsal found {wrong} wrong: {}", crosses.join("; "));
    let hint = "mend what is crossed, then rehearse again; nothing was changed anywhere";
    let failure = Failure::new("RUN-0002", what, hint);
    ended(
        run,
        Ending::Failed {
            failure,
            at: Some(step),
        },
    )
}

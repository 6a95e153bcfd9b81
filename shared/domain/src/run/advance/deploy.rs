//! The targets of a run, each for itself, and the way back.
//!
//! ```text
//! Pending ──done──▶ Installed ──a look at it fails──▶ Returning ──done──▶ RolledBack
//!   ├──retry──▶ Aside ──its time──▶ (deployed again)                        │
//!   ├──stuck──▶ Stuck ◀──patience──┘        Resume: Stuck, Broken, RolledBack ──▶ Pending
//!   └──failed─▶ Broken
//! ```
//! A deployer puts back by itself what a server refused, and reports a retry or a question. A pair whose activation did not end stays in
//! place (a timeout is no refusal) and is `unproven`: a run that is given up takes it back (`taken_back`), else names it (`stays`).
//! `onward` says which comes next: what is pending, then a look at what is installed, then what was put aside, then
//! the question of what is stuck.

use super::{Weighed, asking, begun, ended, standing, waiting};
use crate::clock::Timestamp;
use crate::disposition::{Failure, Question};
use crate::plan::Plan;
use crate::run::{Because, Ending, Former, Left, Product, RunProgress, RunState, Step, TargetState};

/// After a deployment or a look: where the run goes.
pub(super) fn onward(run: &RunState, plan: &Plan) -> RunState {
    let progress = &run.progress;
    if let Some(index) = progress.first(|one| matches!(one, TargetState::Pending)) {
        return begun(run, Step::Deploy(index));
    }
    if !progress.verified && (progress.any(RunProgress::is_installed) || plan.targets.is_empty()) {
        return begun(run, Step::Verify);
    }
    let first_aside = earliest_aside(progress);
    if let Some((index, until, (failures, failure))) = first_aside {
        let because = Because::Retry { failure };
        return RunState {
            failures,
            checkpoint: None,
            ..waiting(run, Step::Deploy(index), until, because)
        };
    }
    if let Some((index, question, retry_at)) = what_is_stuck(progress) {
        return asking(run, Step::Deploy(index), question, retry_at);
    }
    for (index, one) in progress.targets.iter().enumerate() {
        if let TargetState::Broken { failure } = one {
            let at = u16::try_from(index).ok().map(Step::Deploy);
            let failure = failure.clone();
            return ended(run, Ending::Failed { failure, at });
        }
    }
    if progress.tidied {
        return ended(run, Ending::Succeeded);
    }
    begun(run, Step::Tidy)
}

type Aside = (u16, Timestamp, (u32, Failure));

fn earliest_aside(progress: &RunProgress) -> Option<Aside> {
    let asides = progress
        .targets
        .iter()
        .enumerate()
        .filter_map(|(index, one)| match one {
            TargetState::Aside {
                until,
                failures,
                failure,
            } => Some((u16::try_from(index).ok()?, *until, (*failures, failure.clone()))),
            TargetState::Pending
            | TargetState::Stuck { .. }
            | TargetState::Broken { .. }
            | TargetState::Installed { .. }
            | TargetState::Returning { .. }
            | TargetState::RolledBack { .. }
            | TargetState::Removed { .. } => None,
        });
    asides.min_by_key(|(_, until, _)| *until)
}

/// One question for all targets that need a person; it names the first.
fn what_is_stuck(progress: &RunProgress) -> Option<(u16, Question, Option<Timestamp>)> {
    let mut found: Option<(u16, Question, Option<Timestamp>)> = None;
    for (index, one) in progress.targets.iter().enumerate() {
        let TargetState::Stuck { question, retry_at } = one else {
            continue;
        };
        match &mut found {
            None => found = Some((u16::try_from(index).ok()?, question.clone(), *retry_at)),
            Some((_, first, again)) => {
                first.what = format!("{}; target {}: {}", first.what, index + 1, question.what);
                *again = again.and(*retry_at);
            }
        }
    }
    found
}

fn with_target(run: &RunState, index: usize, state: TargetState) -> RunState {
    let mut progress = run.progress.clone();
    if let Some(one) = progress.targets.get_mut(index) {
        *one = state;
    }
    RunState {
        progress,
        ..run.clone()
    }
}

pub(super) fn deployed(run: &RunState, plan: &Plan, index: usize, weighed: Weighed) -> RunState {
    let state = match weighed {
        Weighed::Done(product) => TargetState::Installed {
            replaced: replaced(product),
        },
        Weighed::Again { until, failure } => TargetState::Aside {
            until,
            failures: run.failures + 1,
            failure,
        },
        Weighed::Ask { question, retry_at } => TargetState::Stuck { question, retry_at },
        Weighed::Fail(failure) => TargetState::Broken { failure },
        rest @ Weighed::Rest { .. } => {
            let step = u16::try_from(index).map_or(Step::Verify, Step::Deploy);
            return standing(run, step, rest);
        }
    };
    let mut run = with_target(run, index, state);
    if run.progress.targets.get(index).is_some_and(RunProgress::is_installed) {
        run.progress.verified = false;
    }
    onward(&run, plan)
}

fn replaced(product: Product) -> Option<Former> {
    match product {
        Product::Deployed(receipt) => receipt.replaced,
        Product::PreparedKey(_)
        | Product::Issued(_)
        | Product::Verified(_)
        | Product::RolledBack(_)
        | Product::Confirmed(_)
        | Product::Tidied
        | Product::Rehearsed(_) => None,
    }
}

/// A look that went wrong for good sends the targets behind it back to what they served before.
pub(super) fn verified(run: &RunState, plan: &Plan, weighed: Weighed, now: Timestamp) -> RunState {
    let question = match weighed {
        Weighed::Done(_) => {
            let mut run = run.clone();
            run.progress.verified = true;
            return onward(&run, plan);
        }
        // Nothing wrong was seen: what is installed stays, and the look may go better by itself.
        Weighed::Ask { question, retry_at } if question.keep_installed => {
            return asking(run, Step::Verify, question, retry_at);
        }
        Weighed::Ask { question, .. } => question,
        Weighed::Fail(failure) => failure.ask(),
        other @ (Weighed::Rest { .. } | Weighed::Again { .. }) => return standing(run, Step::Verify, other),
    };
    let mut next = run.clone();
    for (index, one) in next.progress.targets.iter_mut().enumerate() {
        if let TargetState::Installed { replaced: Some(former) } = one
            && former.not_after > now
            && is_behind(plan, index, &question)
        {
            *one = TargetState::Returning { to: former.clone() };
        }
    }
    match next_to_return(&next.progress) {
        None => asking(run, Step::Verify, question, None),
        Some(index) => {
            next.progress.withheld = Some(question);
            begun(&next, Step::Rollback(index))
        }
    }
}

/// A run that is given up: back to what was there, at each target whose server may not have taken the new pair. Nothing when there
/// is no such target, or nothing to go back to.
pub(super) fn taken_back(run: &RunState, now: Timestamp) -> Option<RunState> {
    let mut next = run.clone();
    let mut begins = None;
    for unproven in &run.progress.unproven {
        let one = next.progress.targets.get_mut(usize::from(unproven.target))?;
        let former = unproven
            .receipt
            .replaced
            .clone()
            .filter(|former| former.not_after > now);
        let (Some(to), Some(question)) = (former, why_unproven(one)) else {
            continue;
        };
        *one = TargetState::Returning { to };
        begins.get_or_insert((unproven.target, question));
    }
    let (first, question) = begins?;
    next.progress.withheld = Some(question);
    Some(begun(&next, Step::Rollback(first)))
}

/// Nothing where a way back was gone already.
fn why_unproven(state: &TargetState) -> Option<Question> {
    match state {
        TargetState::Aside { failure, .. } | TargetState::Broken { failure } => Some(failure.clone().ask()),
        TargetState::Stuck { question, .. } => Some(question.clone()),
        TargetState::Pending | TargetState::Removed { .. } => {
            let what = "the run was given up before the activation of the new pair had ended";
            Some(Failure::new("DEP-0008", what, "what was there before is put back").ask())
        }
        TargetState::Installed { .. } | TargetState::Returning { .. } | TargetState::RolledBack { .. } => None,
    }
}

/// What a run that ends now leaves as it made it, in words.
pub(super) fn stays(run: &RunState, plan: &Plan) -> Vec<String> {
    let with_state = plan.targets.iter().zip(&run.progress.targets).zip(0_u16..);
    let named = with_state.filter_map(|((target, state), index)| {
        let unproven = run.progress.unproven(index).is_some();
        let how = match state {
            TargetState::Installed { .. } | TargetState::Removed { installed: true } => {
                "the new certificate is installed"
            }
            TargetState::Returning { .. } => "the new pair is in place: what was there before could not be put back",
            TargetState::Pending
            | TargetState::Aside { .. }
            | TargetState::Stuck { .. }
            | TargetState::Broken { .. }
            | TargetState::Removed { installed: false }
                if unproven =>
            {
                "the new pair is in place, and whether its server has taken it is not known"
            }
            TargetState::Pending
            | TargetState::Aside { .. }
            | TargetState::Stuck { .. }
            | TargetState::Broken { .. }
            | TargetState::Removed { installed: false }
            | TargetState::RolledBack { .. } => return None,
        };
        Some(format!("{}: {how}", target.body().title()))
    });
    named.collect()
}

/// Whether what was seen is this target's: at its own addresses, or, when it has none, anywhere that is no other's.
fn is_behind(plan: &Plan, index: usize, question: &Question) -> bool {
    let own = |index: usize| {
        plan.targets
            .get(index)
            .map_or(&[][..], |target| target.body().common().serves_at)
    };
    let seen = &question.seen_at;
    if seen.is_empty() {
        return true;
    }
    if !own(index).is_empty() {
        return seen.iter().any(|at| own(index).contains(at));
    }
    let claimed = |at| (0..plan.targets.len()).any(|other| own(other).contains(at));
    seen.iter().any(|at| !claimed(at))
}

fn next_to_return(progress: &RunProgress) -> Option<u16> {
    progress.first(|one| matches!(one, TargetState::Returning { .. }))
}

pub(super) fn returned(run: &RunState, index: usize, weighed: Weighed) -> RunState {
    let step = u16::try_from(index).map_or(Step::Confirm, Step::Rollback);
    match weighed {
        Weighed::Done(product) => {
            let to = match (product, run.progress.targets.get(index)) {
                (Product::RolledBack(back), _) => back.leaf,
                (_, Some(TargetState::Returning { to })) => to.leaf.clone(),
                (_, _) => return standing(run, step, Weighed::Done(Product::Tidied)),
            };
            let mut run = with_target(run, index, TargetState::RolledBack { to });
            if let Step::Rollback(target) = step {
                run.progress.leave(target, Left::Former);
            }
            match next_to_return(&run.progress) {
                Some(next) => begun(&run, Step::Rollback(next)),
                None => begun(&run, Step::Confirm),
            }
        }
        Weighed::Ask { question, .. } => asking(run, step, after(run, "the way back failed too", question), None),
        Weighed::Fail(failure) => asking(run, step, after(run, "the way back failed too", failure.ask()), None),
        other @ (Weighed::Rest { .. } | Weighed::Again { .. }) => standing(run, step, other),
    }
}

pub(super) fn confirmed(run: &RunState, weighed: Weighed) -> RunState {
    let question = match weighed {
        Weighed::Done(_) => {
            let Some(mut question) = run.progress.withheld.clone() else {
                return standing(run, Step::Confirm, Weighed::Done(Product::Tidied));
            };
            question.what = format!(
                "{}. Rolled back: what was served before is served again ({})",
                question.what,
                put_back(&run.progress)
            );
            question
        }
        Weighed::Ask { question, .. } => after(
            run,
            "it was rolled back, but what was there before is not served",
            question,
        ),
        Weighed::Fail(failure) => {
            let question = failure.ask();
            after(
                run,
                "it was rolled back, but what was there before is not served",
                question,
            )
        }
        other @ (Weighed::Rest { .. } | Weighed::Again { .. }) => return standing(run, Step::Confirm, other),
    };
    asking(run, Step::Verify, question, None)
}

/// The first trouble and what came of mending it, in one question.
fn after(run: &RunState, how: &str, question: Question) -> Question {
    match &run.progress.withheld {
        None => question,
        Some(first) => Question {
            what: format!("{}; {how}: {}", first.what, question.what),
            hint: format!("{}; {}", question.hint, first.hint),
            ..question
        },
    }
}

fn put_back(progress: &RunProgress) -> String {
    let mut all: Vec<&str> = Vec::new();
    for one in &progress.targets {
        if let TargetState::RolledBack { to } = one
            && !all.contains(&to.as_str())
        {
            all.push(to.as_str());
        }
    }
    all.join(", ")
}

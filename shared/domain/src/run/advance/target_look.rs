//! Looks at the targets of a run, before a certificate is ordered for them.
//!
//! In: what a deployer found. Out: go on, or a question; either way a check, which the record of the next order of Issue takes up.

use super::{RunState, Step, asking};
use crate::clock::Timestamp;
use crate::disposition::Question;
use crate::plan::Plan;
use crate::run::{Check, TargetLook, TargetsFound};

const NAME: &str = "the targets can take a certificate";
/// A person mends one thing after the other, and resumes after each.
const MOST: usize = 8;

/// It goes on.
pub(super) fn seen(run: &RunState, plan: &Plan, found: &TargetsFound, at: Timestamp) -> RunState {
    let of = match plan.targets.len() {
        1 => "its target".to_owned(),
        several => format!("its {several} targets"),
    };
    let check = match found {
        TargetsFound::Ready => Check::tick(
            NAME,
            format!("before a certificate was ordered: the directory, permission, mount, owner and activation of {of}"),
        ),
        TargetsFound::Partly { question } => Check::cross(
            NAME,
            format!(
                "one of {of} at least can, so a certificate was ordered; of another: {}: {}; {}",
                question.code, question.what, question.hint
            ),
        )
        .advisory(),
        TargetsFound::Unanswered => Check::cross(
            NAME,
            format!("no deployer has said in time whether {of} can; a certificate was ordered all the same"),
        )
        .advisory(),
    };
    with_look(run, check.seen(at))
}

/// A person is asked, and nothing has been ordered.
pub(super) fn unready(run: &RunState, question: Question, now: Timestamp) -> RunState {
    let said = format!("{}: {}; {}", question.code, question.what, question.hint);
    let run = with_look(run, Check::cross(NAME, said).seen(now));
    asking(&run, Step::Issue, question, None)
}

fn with_look(run: &RunState, check: Check) -> RunState {
    let (before, mut next) = (run.attempt + 1, run.clone());
    let looks = &mut next.progress.target_looks;
    looks.retain(|look| look.before == before);
    if looks.len() < MOST {
        looks.push(TargetLook { before, check });
    }
    next
}

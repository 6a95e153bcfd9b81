//! What a run waits for, in words.

use domain::lane::Kind;
use domain::run::{Because, Position, queue};
use store::LoadedRun;

/// Nothing when it does not wait, or for its turn in an ordinary lane only.
pub(crate) fn words(run: &LoadedRun) -> Option<String> {
    let Position::Waiting { until, because, .. } = &run.state.position else {
        return None;
    };
    match because {
        Because::Limit { name, bucket, shared } => {
            let queue = if *shared {
                ", and for those whose turn is before its own"
            } else {
                ""
            };
            Some(format!("waits for \"{name}\" ({}) until {until}{queue}", bucket.key))
        }
        Because::Window => Some(format!("waits for its maintenance window, which opens at {until}")),
        Because::Cooldown => Some(format!("waits for the end of its cooldown at {until}")),
        Because::Turn | Because::Planned | Because::Resting | Because::Retry { .. } => group(run),
    }
}

fn group(run: &LoadedRun) -> Option<String> {
    let lane = queue(&run.head.workspace, &run.plan, &run.state)?;
    match lane.kind()? {
        Kind::Group { name, .. } => Some(format!("waits for a place in the target group {name}")),
        Kind::Pool(_) | Kind::Again(_) | Kind::Limit { .. } => None,
    }
}

//! What a run waits for, in words.

use domain::Timestamp;
use domain::lane::Kind;
use domain::run::{Because, Position, queue};
use store::LoadedRun;

/// Nothing when it does not wait, or when its last failure says it.
pub(crate) fn words(run: &LoadedRun) -> Option<String> {
    let Position::Waiting { step, until, because } = &run.state.position else {
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
        Because::Retry { .. } => group(run),
        Because::Turn => Some(group(run).unwrap_or_else(|| format!("waits for its turn at {step}"))),
        Because::Planned => Some(group(run).unwrap_or_else(|| format!("its job begins it at {until}"))),
        Because::Resting => Some(group(run).unwrap_or_else(|| resting(run, *until))),
    }
}

/// A run that the schedule made rests without an order while its host is looked at.
fn resting(run: &LoadedRun, until: Timestamp) -> String {
    if run.state.checkpoint.is_none() && run.state.progress.look_since.is_some() {
        "waits for a look at what its host serves now, before it begins".to_owned()
    } else {
        format!("goes on with what it has begun at {until}")
    }
}

fn group(run: &LoadedRun) -> Option<String> {
    let lane = queue(&run.head.workspace, &run.plan, &run.state)?;
    match lane.kind()? {
        Kind::Group { name, .. } => Some(format!("waits for a place in the target group {name}")),
        Kind::Pool(_) | Kind::Again(_) | Kind::Limit { .. } => None,
    }
}

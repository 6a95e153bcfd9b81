//! Where a run waits for its place, and where its order is counted while it is out.

use super::{Because, Checkpoint, Position, RunState, Step};
use crate::ids::WorkspaceId;
use crate::lane::{Lane, Pool};
use crate::plan::Plan;
use crate::target::Target;

/// The queue of a run that waits or is out, or would be if it went on; none when it has ended.
pub fn queue(workspace: &WorkspaceId, plan: &Plan, state: &RunState) -> Option<Lane> {
    let step = state.step()?;
    if let Position::Waiting {
        because: Because::Limit {
            bucket, shared: true, ..
        },
        ..
    } = &state.position
    {
        return Some(Lane::limit(bucket));
    }
    Some(place(workspace, plan, state, step))
}

/// Where the order of this step is counted.
pub fn place(workspace: &WorkspaceId, plan: &Plan, state: &RunState, step: Step) -> Lane {
    let again = state.failures > 0;
    match step {
        Step::PrepareKey => Lane::pool(Pool::KeySigner),
        // Issue has one lane per CA, because the CA's cap of orders in flight holds per account there.
        Step::Issue => Lane::ca(&plan.current_ca(&state.progress).ca),
        Step::Deploy(index) | Step::Rollback(index) => {
            deployment(workspace, plan.targets.get(usize::from(index)), again)
        }
        Step::Verify | Step::Confirm if again => Lane::again(Pool::Verifier),
        Step::Verify | Step::Confirm => Lane::pool(Pool::Verifier),
        Step::Channels => Lane::pool(Pool::Incident),
        Step::Tidy => Lane::pool(Pool::Tidy),
    }
}

fn deployment(workspace: &WorkspaceId, target: Option<&Target>, again: bool) -> Lane {
    match target.and_then(|target| target.body().common().group_name) {
        Some(group) => Lane::group(workspace, group),
        None if again => Lane::again(Pool::Deployer),
        None => Lane::pool(Pool::Deployer),
    }
}

/// Whether this step of a live run may only begin while a maintenance window is open: what begins a renewal or touches
/// a target. What makes good or looks never waits, and an order that is open at the CA is not held.
pub fn keeps_window(step: Step, checkpoint: Option<&Checkpoint>) -> bool {
    match step {
        Step::PrepareKey | Step::Deploy(_) => true,
        Step::Issue => !checkpoint.is_some_and(Checkpoint::is_open),
        Step::Verify | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => false,
    }
}

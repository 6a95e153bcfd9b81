//! Whether the next order of a run goes to a CA for something new, to which, and for what it must wait. Pure.

use domain::Timestamp;
use domain::ca::CaRef;
use domain::run::{Because, Checkpoint, Mode, Step};
use store::LoadedRun;

/// Why an order must wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    /// When it is looked at again.
    pub until: Timestamp,
    pub because: Because,
    /// When all that wait for the same have gone before it.
    pub expected_at: Timestamp,
}

impl Wait {
    pub(crate) fn until(until: Timestamp, because: Because) -> Self {
        Self {
            until,
            because,
            expected_at: until,
        }
    }
}

/// Whether the next order of this run would place a new order at a CA.
pub(crate) fn places_order(run: &LoadedRun) -> bool {
    run.head.mode == Mode::Live
        && run.state.step() == Some(Step::Issue)
        && !run.state.checkpoint.as_ref().is_some_and(Checkpoint::is_open)
}

/// The CA that the next order of this run goes to, or the one that has it.
pub(crate) fn current_ca(run: &LoadedRun) -> &CaRef {
    &run.plan.current_ca(&run.state.progress).ca
}

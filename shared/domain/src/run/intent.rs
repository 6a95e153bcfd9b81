//! What a run shall do.

use super::Mode;
use crate::plan::Plan;

/// What a run shall do: its plan, and whether it carries it out or only rehearses it.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    pub plan: &'a Plan,
    pub mode: Mode,
}

impl<'a> Intent<'a> {
    #[must_use]
    pub fn live(plan: &'a Plan) -> Self {
        let mode = Mode::Live;
        Self { plan, mode }
    }

    #[must_use]
    pub fn rehearsal(plan: &'a Plan) -> Self {
        let mode = Mode::DryRun;
        Self { plan, mode }
    }
}

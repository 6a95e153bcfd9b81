//! How a run begins: queued, with its plan.

use super::{Because, Position, RunProgress, RunState};
use crate::clock::Timestamp;
use crate::plan::Plan;

impl RunState {
    pub fn queued(plan: &Plan, now: Timestamp) -> Self {
        Self::queued_until(plan, now, Because::Turn)
    }

    /// Queued, and not to begin before `until`.
    pub fn queued_until(plan: &Plan, until: Timestamp, because: Because) -> Self {
        let position = Position::Waiting {
            step: plan.first_step(),
            until,
            because,
        };
        Self {
            position,
            attempt: 0,
            failures: 0,
            checkpoint: None,
            cancelled_by: None,
            progress: RunProgress::of(plan),
        }
    }
}

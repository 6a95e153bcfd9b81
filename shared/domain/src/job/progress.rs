//! How far a job is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Job;
use crate::clock::Timestamp;
use crate::run::Status;

/// How the runs of a job stand. `held` are queued ones that something keeps back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub queued: u32,
    pub held: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub needs_manual: u32,
    pub cancelled: u32,
    /// Lines of the plan that could not become runs any more.
    pub refused: u32,
}

impl Progress {
    pub fn add(&mut self, status: Status, held: bool, runs: u32) {
        let place = match status {
            Status::Queued if held => &mut self.held,
            Status::Queued => &mut self.queued,
            Status::Running => &mut self.running,
            Status::Succeeded => &mut self.succeeded,
            Status::Failed => &mut self.failed,
            Status::NeedsManual => &mut self.needs_manual,
            Status::Cancelled => &mut self.cancelled,
        };
        *place += runs;
    }

    /// Runs that go on by themselves, or will.
    pub fn open(&self) -> u32 {
        self.queued + self.held + self.running
    }

    pub fn settled(&self) -> u32 {
        self.succeeded + self.failed + self.needs_manual + self.cancelled
    }

    /// When the job will end at the pace that it has had so far; before anything ended: as planned.
    pub fn eta(&self, job: &Job, now: Timestamp) -> Option<Timestamp> {
        let begun = job.committed_at?.max(job.totals.first_start?);
        let planned = job.totals.expected_end?;
        match (self.open(), self.settled()) {
            (0, _) => None,
            (_, 0) => Some(planned.max(now)),
            (open, settled) => {
                let left = now.since(begun).mul_f64(f64::from(open) / f64::from(settled));
                Some(now.plus(left).max(job.totals.last_start.unwrap_or(now)))
            }
        }
    }
}

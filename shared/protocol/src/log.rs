//! `vigilo.log.<workspace>.<run_id>.<worker>`: what a worker writes down, told while its step runs.
//!
//! A courtesy for those who watch: the report carries everything once more, and the record is written from it. So a
//! batch may be lost, and a step that ends quickly sends none.

use domain::run::{Check, Step};
use domain::{RunId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::report::LogLine;

/// What was written down since the batch before. The first batch of a long step may be empty: it says that it has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogBatch {
    pub schema: u16,
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    pub step: Step,
    pub attempt: u32,
    pub worker: String,
    /// With run and attempt this names the execution: an order that comes again is carried out again, from the start.
    pub started_at: Timestamp,
    /// Lines of this execution that were told before.
    pub lines_before: usize,
    pub lines: Vec<LogLine>,
    /// Checks of this execution that were told before.
    pub checks_before: usize,
    pub checks: Vec<Check>,
}

//! How many runs stand in each status.

use std::collections::BTreeMap;
use std::ops::Index;

use api::runs::RunCounts;
use domain::run::Status;

/// How many runs stand in each status: `counts[Status::Succeeded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Runs that are queued or running.
    #[must_use]
    pub fn open(&self) -> u64 {
        self[Status::Queued] + self[Status::Running]
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl From<RunCounts> for Counts {
    fn from(RunCounts(counts): RunCounts) -> Self {
        let counts = counts.into_iter();
        Self(counts.map(|(status, runs)| (status, runs.unsigned_abs())).collect())
    }
}

impl Index<Status> for Counts {
    type Output = u64;

    fn index(&self, status: Status) -> &u64 {
        self.0.get(status.as_str()).unwrap_or(&0)
    }
}

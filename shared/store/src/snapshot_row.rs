//! A snapshot as it is written: what was seen, and whose it is.

use domain::certificate::{LookResult, Snapshot};
use domain::ids::{HostId, RunId, WorkspaceId};
use time::OffsetDateTime;

/// A snapshot and whose it is.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    /// The run whose step took it; none: a probe.
    pub run_id: Option<RunId>,
    pub snapshot: Snapshot,
}

impl SnapshotRow {
    pub(crate) fn fingerprint(&self) -> Option<String> {
        match &self.snapshot.seen {
            LookResult::Served(served) => Some(served.leaf.fingerprint.as_str().to_owned()),
            LookResult::Unreachable { .. } => None,
        }
    }

    pub(crate) fn not_after(&self) -> Option<OffsetDateTime> {
        match &self.snapshot.seen {
            LookResult::Served(served) => Some(served.leaf.not_after.get()),
            LookResult::Unreachable { .. } => None,
        }
    }
}

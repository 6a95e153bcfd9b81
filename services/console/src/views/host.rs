//! A host with what was last seen of it.

use api::hosts::{Host, HostDetail, Snapshot};
use domain::Timestamp;
use serde_json::Value;
use store::{HostView, StoreError};

use super::open;

pub(crate) fn detail(view: HostView, look: Vec<Value>, now: Timestamp) -> Result<HostDetail, StoreError> {
    Ok(HostDetail {
        host: host(view, now)?,
        look: snapshots(look, now)?,
    })
}

/// As a line of a list: the snapshot without its PEM texts, which `/hosts/{id}/snapshots` has.
pub(crate) fn host(view: HostView, now: Timestamp) -> Result<Host, StoreError> {
    let seen = view.snapshot.map(|seen| snapshot(seen, now)).transpose()?;
    Ok(Host {
        host: view.host,
        snapshot: seen.map(Snapshot::without_pem),
        status: status(view.run_status),
        last_seen_at: view.last_seen_at,
    })
}

pub(crate) fn status(of_run: Option<String>) -> String {
    of_run.unwrap_or_else(|| "idle".to_owned())
}

pub(crate) fn snapshots(seen: Vec<Value>, now: Timestamp) -> Result<Vec<Snapshot>, StoreError> {
    seen.into_iter().map(|one| snapshot(one, now)).collect()
}

/// A snapshot with the days that are left, counted from `now`.
fn snapshot(seen: Value, now: Timestamp) -> Result<Snapshot, StoreError> {
    Ok(Snapshot::of(open(seen, "snapshots")?, now))
}

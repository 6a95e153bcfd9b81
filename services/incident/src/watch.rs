//! The timer: what is open is judged again, from what its hosts were last seen to serve.

use std::time::Duration;

use bus::SystemClock;
use bus::panics::or_next_round;
use domain::clock::Clock;
use domain::incident::{Change, Remark, Severity};
use store::{Announcement, Store, StoreError, Watched};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::intake::close_if_recovered;
use crate::recovered::has_recovered;

const PAGE: i64 = 500;

/// Judges every so often, until `stop`.
pub async fn watch(store: &Store, every: Duration, stop: &CancellationToken) {
    while chassis::pause(every, stop).await.is_some() {
        if let Err(error) = or_next_round(round(store)).await {
            warn!(%error, "open incidents could not be judged again; the next round tries once more");
        }
    }
}

async fn round(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.watched(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.run_id);
        for watched in &page {
            judge(store, watched).await?;
        }
    }
}

async fn judge(store: &Store, watched: &Watched) -> Result<(), StoreError> {
    let now = SystemClock.now();
    if has_recovered(watched) {
        let why = if watched.renewed {
            "a later run succeeded, and the host has been steady since".to_owned()
        } else {
            match watched.seen.len() {
                1 => "a new certificate was seen at the one address that was looked at".to_owned(),
                several => format!("a new certificate was seen at each of {several} addresses that were looked at"),
            }
        };
        let mut tx = store.incident_tx(&watched.workspace).await?;
        if tx.mend_run(watched, now, &why).await? {
            close_if_recovered(&mut tx, watched.incident, &Remark::own(now, why)).await?;
        }
        return tx.commit().await;
    }
    let severity = Severity::judge(watched.criticality, watched.expires_at, now);
    // The more urgent is the smaller.
    if severity < watched.severity {
        let mut tx = store.incident_tx(&watched.workspace).await?;
        if tx.raise(watched.incident, severity).await? {
            let (from, to) = (watched.severity.as_str(), severity.as_str());
            let note = Remark::own(now, format!("from {from} to {to}: the end of a certificate is near"));
            let told = tx.audience(&[watched.incident]).await?;
            tx.tell(watched.incident, Announcement::new(Change::Raised, &note), &told, now)
                .await?;
            info!(incident = %watched.incident, from, to, "an incident is raised");
        }
        tx.commit().await?;
    }
    Ok(())
}

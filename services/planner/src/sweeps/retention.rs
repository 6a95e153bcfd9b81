//! Forgets what is old: superseded snapshots, the logs of runs and the lines of jobs that ended
//! long ago. In small batches, so that nothing waits for it.

use std::time::Duration;

use bus::panics::caught;
use domain::Timestamp;
use domain::clock::Clock;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Retention;

const EVERY: Duration = Duration::from_secs(60);
/// While there is more to forget.
const AGAIN: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 1_000;
/// What cancelled runs had drawn from limits, and flows of runs that are long through.
const FORGOTTEN_DAYS: u32 = 30;

pub(crate) async fn forget(
    store: &Store,
    keep: Retention,
    clock: &dyn Clock,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut pause = AGAIN;
    while chassis::pause(pause, stop).await.is_some() {
        pause = match caught(sweep(store, keep, clock.now())).await {
            Ok(Ok(true)) => AGAIN,
            Ok(Ok(false)) | Err(_) => EVERY,
            Ok(Err(error)) => {
                warn!(%error, "what is old could not be removed; trying again");
                EVERY
            }
        };
    }
    Ok(())
}

/// One batch of each kind; whether there is more.
async fn sweep(store: &Store, keep: Retention, now: Timestamp) -> Result<bool, StoreError> {
    let before = |days: u32| now.minus(Duration::from_secs(u64::from(days) * 86_400));
    let snapshots = store.forget_snapshots(before(keep.snapshots_days), AT_ONCE).await?;
    let logs = store.forget_logs(before(keep.logs_days), AT_ONCE).await?;
    store.forget_reservations(before(FORGOTTEN_DAYS)).await?;
    store.forget_flows(before(FORGOTTEN_DAYS)).await?;
    let lines = store
        .forget_lines_of_jobs(before(keep.plans_days), before(keep.logs_days), AT_ONCE)
        .await?;
    if snapshots + logs + lines > 0 {
        info!(snapshots, logs, lines, "what is older than the retention was removed");
    }
    let full = u64::try_from(AT_ONCE).unwrap_or(0);
    Ok([snapshots, logs, lines].into_iter().any(|gone| gone >= full))
}

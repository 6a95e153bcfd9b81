//! Wakes what is due: runs whose turn or time has come, orders past their deadline, mail that a crash left behind.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ledger::Ledger;

const TICK: Duration = Duration::from_millis(250);
/// Every so many ticks the rarer sweeps run.
const SWEEP: u32 = 8;
/// Older than this, what is not marked as published was not published.
const LOST_AFTER: Duration = Duration::from_secs(10);
const AT_ONCE: i64 = 500;
/// Looks of one tick at most.
const PASSES: u32 = 20;

pub(crate) async fn keep_time(ledger: Arc<Ledger>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut ticks: u32 = 0;
    // A timeout is the usual tick; a ring comes before it.
    while stop
        .run_until_cancelled(tokio::time::timeout(TICK, ledger.rung()))
        .await
        .is_some()
    {
        ticks = ticks.wrapping_add(1);
        if let Err(error) = tick(&ledger, ticks.is_multiple_of(SWEEP)).await {
            warn!(%error, "the record cannot be read; trying again");
        }
    }
    Ok(())
}

async fn tick(ledger: &Ledger, sweep: bool) -> Result<(), store::StoreError> {
    for _ in 0..PASSES {
        // What was due and must wait for a window or a limit stands in nobody's way at the next look.
        if ledger.release().await? == 0 {
            break;
        }
    }
    if sweep {
        ledger.wake_overdue(AT_ONCE).await?;
        ledger.try_again(AT_ONCE).await?;
        let now = ledger.now().get() - LOST_AFTER;
        ledger.publish_again(domain::Timestamp::new(now), AT_ONCE).await?;
    }
    Ok(())
}

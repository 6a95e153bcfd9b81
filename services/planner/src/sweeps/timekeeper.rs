//! Wakes what is due: runs whose turn or time has come, orders past their deadline, mail that a
//! crash left behind.

use std::sync::Arc;
use std::time::Duration;

use bus::panics::or_next_round;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ledger::Ledger;

const TICK: Duration = Duration::from_millis(250);
/// Every so many ticks the rarer sweeps run.
const SWEEP: u32 = 8;
/// Older than this, what is not marked as published was not published.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// Every so many ticks lost news of trouble is looked for: once a minute.
const SEARCH: u32 = 240;
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
        let (sweep, search) = (ticks.is_multiple_of(SWEEP), ticks % SEARCH == 1);
        if let Err(error) = or_next_round(tick(&ledger, sweep, search)).await {
            warn!(%error, "the record cannot be read; trying again");
            ledger.distrust_looks();
        }
    }
    Ok(())
}

async fn tick(ledger: &Ledger, sweep: bool, search: bool) -> Result<(), store::StoreError> {
    for _ in 0..PASSES {
        // What was due and must wait for a window or a limit delays no other policy at the next
        // look.
        if ledger.release().await? == 0 {
            break;
        }
    }
    if search {
        ledger.announce_again(AT_ONCE).await?;
    }
    if sweep {
        ledger.wake_overdue(AT_ONCE).await?;
        ledger.try_again(AT_ONCE).await?;
        ledger.end_long_waits(AT_ONCE).await?;
        ledger.keep_facts(AT_ONCE).await?;
        ledger.publish_again(ledger.now().minus(LOST_AFTER), AT_ONCE).await?;
    }
    Ok(())
}

//! The incident service tells a person when a live run failed or waits for one.
//!
//! In: run events. Out: at most one incident per run, in words that say what to do. Touches: NATS (reads), Postgres
//! (`incidents`). Never: a run, a second incident for one run, an incident for a rehearsal.

mod config;
pub mod intake;
pub mod triage;

use anyhow::Context;
use bus::Bus;
use chassis::Life;
use store::Store;

pub use config::Config;

/// Reads run events until the soft stop; what was read is finished first.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    let store = Store::connect(&config.database_url, config.database_connections)
        .await
        .context("the incident service needs Postgres")?;
    store.migrate().await?;
    let bus = Bus::connect(&config.nats, "incident")
        .await
        .context("the incident service needs NATS")?;
    bus.apply_topology().await?;
    life.ready();
    intake::follow(&bus, &store, life.soft()).await?;
    Ok(())
}

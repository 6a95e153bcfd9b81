//! The console: the API that people, the CLI and other programs use.
//!
//! In: HTTP with a bearer token. Out: JSON under `/api/v1`, problems as RFC 9457. Touches: Postgres (writes hosts and
//! policies, reads the rest), the planner and the incident service by requests on NATS, the key-signer to seal what people upload. Never: moves
//! a run or an incident, opens or shows a secret.

mod auth;
mod body;
mod config;
mod engines;
mod error;
mod follow;
mod import;
mod incidents;
mod leaf_key;
mod planner;
mod query;
mod reading;
mod rooms;
mod router;
mod routes;
mod state;
mod undelivered;
mod views;

use anyhow::Context;
use bus::{Bus, Signer};
use chassis::{ConfigError, Life};
use store::Store;

pub use config::{Config, Disk};
pub use router::{paths_served, router};
pub use state::Console;

/// Brings the schema up to date, then serves until the soft stop; requests in flight are answered first.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    config.nats.believes(&[Signer::KeySigner]).map_err(ConfigError)?;
    let listener = config.bind().await?;
    let limits = config.limits();
    let store = Store::open(config.database())
        .await
        .context("the console needs Postgres")?;
    store.migrate().await?;
    let bus = Bus::connect(&config.nats, "console")
        .await
        .context("the console needs NATS")?
        .until(life.soft());
    bus.apply_topology().await?;
    let routes = router(Console::new(&config, store, bus).until(life.soft().clone()));
    let served = chassis::http::serve(listener, routes, limits, life.soft());
    life.ready();
    let _ = life.hard().run_until_cancelled(served).await;
    Ok(())
}

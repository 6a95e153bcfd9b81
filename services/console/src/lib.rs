//! The console: the API that people, the CLI and other programs use.
//!
//! In: HTTP with a bearer token. Out: JSON under `/api/v1`, problems as RFC 9457. Touches: Postgres (writes hosts and
//! policies, reads the rest), the planner by requests on NATS, the key-signer to seal what people upload. Never: moves
//! a run, opens or shows a secret.

mod auth;
mod body;
mod config;
mod error;
mod follow;
mod import;
mod leaf_key;
pub mod pages;
mod planner;
mod query;
mod router;
mod routes;
mod state;
mod untaken;
mod views;

use anyhow::Context;
use bus::Bus;
use chassis::Life;
use store::Store;

pub use config::Config;
pub use router::{paths_served, router};
pub use state::Console;

/// Brings the schema up to date, then serves until the soft stop; requests in flight are answered first.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    let listener = config.bind().await?;
    let store = Store::connect(&config.database_url, config.database_connections)
        .await
        .context("the console needs Postgres")?;
    store.migrate().await?;
    let bus = Bus::connect(&config.nats, "console")
        .await
        .context("the console needs NATS")?;
    bus.apply_topology().await?;
    let routes = router(Console::new(&config, store, bus).until(life.soft().clone()));
    let soft = life.soft().clone();
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move { soft.cancelled().await });
    life.ready();
    match life.hard().run_until_cancelled(served.into_future()).await {
        Some(ended) => ended.context("serving the API"),
        None => Ok(()),
    }
}

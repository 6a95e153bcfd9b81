//! The incident service tells a person when a live run failed or waits for one, and of what looks at hosts show although no run
//! failed, until it is mended.
//!
//! In: run events; what people do to incidents; what probes saw; what CAs want of many hosts at once. Out: incidents, each run with trouble in exactly one; mails and signed events; the
//! rehearsal of those. Touches: NATS, Postgres (`incidents` and what hangs on them), a mail server, a webhook, and the
//! key-signer for the mail server's password. Never: a run, a second incident for one run, an incident for a rehearsal.

pub mod acts;
mod bundle;
mod config;
mod courier;
pub mod emergency;
pub mod estate;
pub mod intake;
mod letter;
pub mod notify;
mod placement;
mod recovered;
mod rehearse;
pub mod triage;
mod verdict;
mod watch;

use std::sync::Arc;

use anyhow::Context;
use bus::work::Work;
use bus::{Bus, Signer};
use chassis::{ConfigError, Life};
use custody::Custody;
use protocol::subjects::Worker;
use store::Store;

pub use config::Config;

use crate::courier::Courier;
use crate::intake::Intake;
use crate::notify::channels::Channels;
use crate::rehearse::RehearseChannels;

/// Rehearsals at the same time; each holds a connection to the mail server.
const REHEARSALS: usize = 4;

/// Works until the soft stop; what was read is finished first.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    let (store, bus) = connect(&config, &life).await?;
    let custody = Custody::new(bus.clone(), Worker::Incident);
    let channels = Channels::new(&config.channels(), &custody).map_err(|error| ConfigError(error.to_string()))?;
    let channels = Arc::new(channels);
    let intake = Intake {
        store: store.clone(),
        gather: config.gather(),
        always_told: channels.always_told(),
    };
    let courier = Courier {
        store: store.clone(),
        channels: Arc::clone(&channels),
        patience: config.patience(),
        zone: config.timezone.clone(),
    };
    let work = Work::new(bus.clone(), Worker::Incident, REHEARSALS).handles(RehearseChannels::new(channels));
    let events = bus.trouble_and_its_end(intake::DURABLE).await?;
    life.ready();
    let ((), worked, acted, (), (), (), ()) = tokio::join!(
        intake.follow(events, life.soft()),
        work.run(life.soft(), life.hard()),
        acts::answer(&bus, &store, life.soft()),
        courier.run(life.soft()),
        emergency::watch(&intake, life.soft()),
        estate::watch(&intake, config.watch(), life.soft()),
        watch::watch(&store, config.watch(), life.soft()),
    );
    worked?;
    Ok(acted?)
}

async fn connect(config: &Config, life: &Life) -> anyhow::Result<(Store, Bus)> {
    config
        .nats
        .believes(&[Signer::Planner, Signer::KeySigner])
        .map_err(ConfigError)?;
    let store = Store::open(config.database())
        .await
        .context("the incident service needs Postgres")?;
    store.migrate().await?;
    let bus = Bus::connect(&config.nats, "incident")
        .await
        .context("the incident service needs NATS")?
        .until(life.soft());
    bus.apply_topology().await?;
    Ok((store, bus))
}

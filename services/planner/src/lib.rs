//! The planner owns runs: it decides what to do, writes every move down, and sends the orders.
//!
//! In: requests, reports, the passing of time. Out: orders, run events, answers. Touches: Postgres (the only writer
//! of runs), NATS. Never: a CA, a key, a target. Any number of replicas may run.
//!
//! The rooms: `intake` takes requests, `decide` says what becomes of them (pure), `ledger` applies what happened to runs and
//! releases orders, `jobs` plans bulk renewals and carries them out, `sweeps` does what is due by the clock, `postman` publishes.

#![deny(clippy::wildcard_enum_match_arm)]

mod config;
mod decide;
mod intake;
mod jobs;
mod ledger;
mod load;
mod postman;
mod sweeps;

use std::sync::Arc;

use anyhow::Context;
use bus::readers::Reader;
use bus::streams::StreamName;
use bus::{Bus, Signer, SystemClock};
use chassis::{ConfigError, Life};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{TryFutureExt, TryStreamExt};
use store::Store;

pub use config::{Config, Windows};

use crate::ledger::Ledger;
use crate::postman::Postman;
use crate::sweeps::survey::Survey;
use crate::sweeps::{emergency, renewal_info, retention, schedule, storing, survey, timekeeper};

/// Runs until the soft stop; reports that were pulled are applied before it returns.
#[expect(
    clippy::too_many_lines,
    reason = "the wiring of the service, in the order in which it starts"
)]
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let config = config.checked()?;
    config.nats.signs_as(Signer::Planner).map_err(ConfigError)?;
    let bus = Bus::connect(&config.nats, "planner")
        .await?
        .until(life.soft())
        .keeping_buckets()
        .with_bounds(config.streams);
    let store = Store::open(config.database()).await.context("database_url")?;
    store.migrate().await?;
    bus.apply_topology().await?;
    for stream in [StreamName::Requests, StreamName::Commands] {
        bus.part_readers(stream).await?;
    }
    let clock = Arc::new(SystemClock);
    let postman = Postman::new(bus.clone(), store.clone());
    let survey = Arc::new(Survey {
        store: store.clone(),
        bus: bus.clone(),
        window: config.windows.probes,
        clock: clock.clone(),
    });
    let ledger = Arc::new(Ledger::new(
        ledger::Engines {
            store: store.clone(),
            bus: bus.clone(),
            clock: clock.clone(),
        },
        postman.clone(),
        Arc::clone(&survey),
        config.windows,
    ));
    let asking = Arc::new(renewal_info::RenewalInfo {
        store: store.clone(),
        bus: bus.clone(),
        window: config.renewal_info.window(),
        clock: clock.clone(),
    });
    let told = bus::inbox::Inbox::open(bus.clone(), Reader::renewal_info_told(), config.batch).await?;
    let reports = bus::inbox::Inbox::open(bus.clone(), Reader::reports(), config.batch).await?;
    let reports = reports.gathering(ledger::GATHER);
    let seen = bus::inbox::Inbox::open(bus.clone(), Reader::probes_seen(), config.batch).await?;
    let schedule = schedule::Schedule {
        store: store.clone(),
        ledger: Arc::clone(&ledger),
        ladder: config.retry.clone(),
        every: config.schedule.every(),
    };
    let jobs = Arc::new(jobs::Jobs {
        store: store.clone(),
        ledger: Arc::clone(&ledger),
        ladder: config.retry.clone(),
        at_once_per_ca: config.windows.acme_orders_per_ca,
        bell: tokio::sync::Notify::new(),
    });
    let emergencies = emergency::Emergencies {
        store: store.clone(),
        jobs: Arc::clone(&jobs),
        threshold: config.renewal_info.emergency,
        clock: clock.clone(),
    };
    let intake = Arc::new(intake::Intake {
        store: store.clone(),
        bus: bus.clone(),
        ledger: Arc::clone(&ledger),
        survey: Arc::clone(&survey),
        jobs: Arc::clone(&jobs),
        asking: Arc::clone(&asking),
        ladder: config.retry,
    });
    let storing = storing::Storing {
        store: store.clone(),
        bus: bus.clone(),
        bounds: config.streams,
        clock: clock.clone(),
    };
    life.ready();
    let soft = life.soft();
    // Each in a box, and polled only when it is its turn: together they are more than a thread's stack holds.
    let parts: [BoxFuture<'_, anyhow::Result<()>>; 17] = [
        Box::pin(ledger::apply_reports(Arc::clone(&ledger), reports, soft)),
        Box::pin(intake::tenants::take_all(
            Arc::clone(&intake),
            StreamName::Requests,
            config.batch,
            soft,
        )),
        Box::pin(intake::tenants::take_all(
            intake,
            StreamName::Commands,
            config.batch,
            soft,
        )),
        Box::pin(ledger.watch_backlog(soft)),
        Box::pin(ledger::current::tell(Arc::clone(&ledger), &bus, soft).err_into()),
        Box::pin(timekeeper::keep_time(Arc::clone(&ledger), soft)),
        Box::pin(schedule.keep(soft)),
        Box::pin(jobs.keep(soft)),
        Box::pin(survey::ask_when_due(&survey, soft)),
        Box::pin(survey::take_down(&survey, seen, soft)),
        Box::pin(renewal_info::ask_when_due(&asking, soft)),
        Box::pin(renewal_info::take_down(&asking, told, soft)),
        Box::pin(emergencies.watch(soft)),
        Box::pin(retention::forget(&store, config.retention, &*clock, soft)),
        Box::pin(postman.mark_published(soft)),
        Box::pin(storing.watch(soft)),
        Box::pin(bus.bury_exhausted(soft).err_into()),
    ];
    let work = FuturesUnordered::from_iter(parts).try_collect::<Vec<()>>();
    if let Some(ended) = life.hard().run_until_cancelled(work).await {
        ended?;
    }
    Ok(bus.flush().await?)
}

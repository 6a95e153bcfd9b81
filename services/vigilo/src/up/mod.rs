//! `vigilo up`: every service in one process, over engines of its own or given ones.
//!
//! In: flags and a configuration with one table per service. Out: a whole Vigilo. Touches: the data directory, child
//! processes. Never: another engine than production's.

mod child;
pub mod data_dir;
mod engines;
mod find;
mod nats;
mod ports;
mod postgres;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chassis::config::Layers;
use chassis::{ConfigError, Crew, process};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::info;

use data_dir::DataDir;
use engines::Engines;

/// `EX_UNAVAILABLE`: something that is needed is missing.
const EXIT_UNAVAILABLE: u8 = 69;
/// What the other services get for their work in flight when one of them ended by itself.
const DRAIN: Duration = Duration::from_secs(25);

#[derive(Args)]
pub struct UpArgs {
    /// Where the record, the streams, the root key and the owner token are kept
    #[arg(long, env = "VIGILO_DATA_DIR", default_value = "./.vigilo")]
    data_dir: PathBuf,
    /// Use this NATS instead of an own one
    #[arg(long)]
    nats_url: Option<String>,
    /// Let other systems reach the own NATS at this address, in the clear, as the users whose passwords are in nats-users/
    /// of the data directory; each may ask for renewals and read run events in its own workspace only
    #[arg(long, conflicts_with = "nats_url")]
    nats_listen: Option<std::net::SocketAddr>,
    /// Use this Postgres instead of an own one
    #[arg(long)]
    database_url: Option<String>,
    /// Where the API is answered
    #[arg(long, default_value = "127.0.0.1:8420")]
    api_listen: String,
    /// Where http-01 challenges are answered; CAs ask on port 80
    #[arg(long)]
    http01_listen: Option<String>,
    /// TOML file with one table per service: [planner], [issuer], [verifier] …
    #[arg(long, env = "VIGILO_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    planner: planner::Config,
    key_signer: key_signer::Config,
    issuer: issuer::Config,
    deployer: deployer::Config,
    verifier: verifier::Config,
    incident: incident::Config,
    console: console::Config,
}

pub fn run(args: UpArgs) -> ExitCode {
    let prepared = DataDir::open(&args.data_dir).and_then(|data| {
        let given = (args.nats_url.as_deref(), args.database_url.as_deref());
        let engines = Engines::prepare(&data, given, args.nats_listen)?;
        Ok((data, engines))
    });
    let (data, engines) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("vigilo: {error:#}");
            return ExitCode::from(EXIT_UNAVAILABLE);
        }
    };
    let read = || -> Result<_, ConfigError> {
        let layers = Layers::new()
            .values(defaults(&args, &data, &engines))
            .file(args.config.as_deref())?
            .environment();
        let layers = layers.values(flags(&args));
        Ok((layers.settings()?, layers.service::<Services>()?))
    };
    let (settings, services) = match read() {
        Ok(read) => read,
        Err(error) => return process::refuse(&error),
    };
    let welcome = welcome(&args, &data);
    let outcome = process::run("vigilo", &settings, move |crew| {
        live(engines, services, crew, (welcome, data))
    });
    process::exit_code(&outcome)
}

fn defaults(args: &UpArgs, data: &DataDir, engines: &Engines) -> Value {
    let nats = engines.nats();
    let database_url = engines.database_url();
    json!({
        "planner": {"nats": nats, "database_url": database_url},
        "key_signer": {"nats": nats, "root_key_file": data.path("root.key"), "create_root_key": true},
        "issuer": {"nats": nats},
        "deployer": {"nats": nats},
        "verifier": {"nats": nats},
        "incident": {"nats": nats, "database_url": database_url},
        "console": {
            "nats": nats, "database_url": database_url, "listen": args.api_listen, "owner_token": data.owner_token(),
        },
    })
}

fn flags(args: &UpArgs) -> Value {
    match &args.http01_listen {
        Some(listen) => json!({"issuer": {"http01_listen": listen}}),
        None => json!({}),
    }
}

fn welcome(args: &UpArgs, data: &DataDir) -> String {
    format!(
        "Vigilo is up. API: http://{}/api/v1   owner token: {}\n\
         Try: vigilo --help, vigilo host add www.example.org, vigilo policy add …, vigilo renew www.example.org --wait",
        args.api_listen,
        data.path("owner.token").display(),
    )
}

/// Engines first, services over them; the other way round at the end. The data directory stays locked as long.
async fn live(
    engines: Engines,
    services: Services,
    crew: Crew,
    (welcome, _locked): (String, DataDir),
) -> anyhow::Result<()> {
    let running = engines.start().await?;
    let mut all = JoinSet::new();
    let named = |name: &'static str| move |ended: anyhow::Result<()>| ended.context(name);
    let life = |name| crew.member(name);
    let (planner, key_signer, issuer) = (life("planner"), life("key-signer"), life("issuer"));
    let (deployer, verifier, incident, console) =
        (life("deployer"), life("verifier"), life("incident"), life("console"));
    all.spawn(async move { named("planner")(planner::run(services.planner, planner).await) });
    all.spawn(async move { named("key-signer")(key_signer::run(services.key_signer, key_signer).await) });
    all.spawn(async move { named("issuer")(issuer::run(services.issuer, issuer).await) });
    all.spawn(async move { named("deployer")(deployer::run(services.deployer, deployer).await) });
    all.spawn(async move { named("verifier")(verifier::run(services.verifier, verifier).await) });
    all.spawn(async move { named("incident")(incident::run(services.incident, incident).await) });
    all.spawn(async move { named("console")(console::run(services.console, console).await) });
    let mut outcome = announce(&crew, &mut all, &welcome).await;
    while let Some(ended) = all.join_next().await {
        let ended = ended.context("a service panicked").flatten();
        if !crew.whole().soft().is_cancelled() {
            // One service less is no Vigilo: the others stop in order, and the process says why.
            stop(&crew);
            outcome = ended.and_then(|()| anyhow::bail!("a service ended without being asked to"));
        } else if outcome.is_ok() {
            outcome = ended;
        }
    }
    running.stop().await;
    outcome
}

/// Nobody asked for this end, so nobody else bounds it.
fn stop(crew: &Crew) {
    crew.whole().soft().cancel();
    let hard = crew.whole().hard().clone();
    tokio::spawn(async move {
        tokio::time::sleep(DRAIN).await;
        hard.cancel();
    });
}

/// Says that everything is ready, unless a service ends or we are stopped before.
async fn announce(crew: &Crew, all: &mut JoinSet<anyhow::Result<()>>, welcome: &str) -> anyhow::Result<()> {
    let ready = async {
        while !crew.not_ready().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        // After a stop the services end as they were asked to: that is looked at first.
        biased;
        () = crew.whole().soft().cancelled() => Ok(()),
        () = ready => {
            info!("every service is ready");
            eprintln!("{welcome}");
            Ok(())
        }
        Some(ended) = all.join_next() => {
            stop(crew);
            ended.context("a service panicked").flatten().and_then(|()| anyhow::bail!("a service ended at its start"))
        }
    }
}

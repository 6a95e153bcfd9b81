//! `vigilo up`: every service in one process, over engines of its own or given ones.
//!
//! In: flags and a configuration with one table per service. Out: a whole Vigilo. Touches: the data
//! directory, child processes. Never: another engine than production's.

mod account;
mod child;
pub mod data_dir;
mod engines;
mod find;
mod log_tail;
mod nats;
mod ports;
mod postgres;
mod room;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use bus::StreamBounds;
use chassis::config::Layers;
use chassis::{ConfigError, Crew, process, secret_arg};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::info;

use bus::Signer;
use data_dir::DataDir;
use engines::{Engines, Given};
use watch::Watch;

use crate::exit;

/// Variables that are flags here, and would be keys elsewhere.
const FLAGS: [&str; 2] = ["VIGILO_DATABASE_URL", "VIGILO_NATS_URL"];
/// What the other services get for their work in flight when one of them ended by itself.
const DRAIN: Duration = Duration::from_secs(25);

#[derive(Args)]
pub struct UpArgs {
    /// Where the record, the streams, the root key and the owner token are kept
    #[arg(long, env = "VIGILO_DATA_DIR", default_value = "./.vigilo")]
    data_dir: PathBuf,
    /// Use this NATS instead of an own one
    #[arg(long, env = "VIGILO_NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
    /// A file with the URL of NATS: what stands on a command line is shown by `ps`
    #[arg(long, env = "VIGILO_NATS_URL_FILE")]
    nats_url_file: Option<PathBuf>,
    /// Let other systems reach the own NATS at this address, in the clear, as the users whose
    /// passwords are in nats-users/ of the data directory; each may ask for renewals and read run
    /// events in its own workspace only
    #[arg(long, conflicts_with_all = ["nats_url", "nats_url_file"])]
    nats_listen: Option<SocketAddr>,
    /// Use this Postgres instead of an own one
    #[arg(long, env = "VIGILO_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A file with the URL of Postgres: what stands on a command line is shown by `ps`
    #[arg(long, env = "VIGILO_DATABASE_URL_FILE")]
    database_url_file: Option<PathBuf>,
    /// Where the API is answered
    #[arg(long, default_value = "127.0.0.1:8420")]
    api_listen: SocketAddr,
    /// Where http-01 challenges are answered; CAs ask on port 80
    #[arg(long)]
    http01_listen: Option<SocketAddr>,
    /// Let certificates and keys be written below this directory; may be repeated. Without one
    /// nothing is deployed
    #[arg(long = "allow-root", value_name = "DIR")]
    allow_roots: Vec<PathBuf>,
    /// Let policies activate by this name: NAME=PROGRAM ARGUMENT… or NAME=["PROGRAM","ARGUMENT"];
    /// no shell is used. May be repeated; nginx, apache, haproxy, caddy, postfix, dovecot and
    /// postgresql are known already
    #[arg(long = "allow-activation", value_name = "NAME=COMMAND")]
    allow_activations: Vec<String>,
    /// TOML file with one table per service: [planner], [issuer], [verifier] …
    #[arg(long, env = "VIGILO_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    /// Of this command itself.
    #[serde(default)]
    up: Own,
    planner: planner::Config,
    key_signer: key_signer::Config,
    issuer: issuer::Config,
    deployer: deployer::Config,
    verifier: verifier::Config,
    incident: incident::Config,
    console: console::Config,
}

/// The table `up`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    room: room::Bounds,
}

pub fn run(args: UpArgs) -> ExitCode {
    let (data, engines, nats) = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    let read = || -> Result<_, ConfigError> {
        let layers = Layers::new()
            .values(defaults(&args, &data, &engines, &nats))
            .file(args.config.as_deref())?
            .environment_without(&FLAGS);
        let layers = layers.values(flags(&args));
        let (settings, mut services) = (layers.settings()?, layers.service::<Services>()?);
        allow(&args, &mut services.deployer)?;
        let room = services.up.room.check()?;
        // One bound for the log and for the health, unless the console is told another disk.
        if let Some(disk) = services.console.disk.as_mut().filter(|disk| disk.path == data.root()) {
            disk.low_mib = room.low_mib;
        }
        Ok((settings, services))
    };
    let (settings, services) = match read() {
        Ok(read) => read,
        Err(error) => return process::refuse(&error),
    };
    let machine = Machine {
        engines,
        services,
        welcome: welcome(&args, &data),
        data,
    };
    let outcome = process::run("vigilo", &settings, move |crew| live(machine, crew));
    exit::code(&outcome)
}

/// What is wrong on the command line is said before anything is made.
fn prepare(args: &UpArgs) -> anyhow::Result<(DataDir, Engines, Connections)> {
    Layers::new().file(args.config.as_deref())?;
    let read = |flag, value: &Option<String>, file: &Option<PathBuf>| {
        secret_arg::given(flag, value.as_ref(), file.as_deref()).map_err(ConfigError)
    };
    let given = Given {
        nats_url: read("--nats-url-file", &args.nats_url, &args.nats_url_file)?,
        database_url: read("--database-url-file", &args.database_url, &args.database_url_file)?,
    };
    let data = DataDir::open(&args.data_dir)?;
    let engines = Engines::prepare(&data, given, args.nats_listen)?;
    let nats = connections(&data, engines.nats())?;
    Ok((data, engines, nats))
}

/// A bad configuration is one thing, something that is missing another.
fn refuse(error: &anyhow::Error) -> ExitCode {
    if let Some(wrong) = error.chain().find_map(|cause| cause.downcast_ref::<ConfigError>()) {
        return process::refuse(wrong);
    }
    eprintln!("vigilo: {error:#}");
    ExitCode::from(process::EXIT_MISSING)
}

/// How each service is known to NATS, and whom it believes there. The keys of those who sign are
/// made once.
struct Connections {
    planner: bus::Connection,
    key_signer: bus::Connection,
    other: bus::Connection,
}

fn connections(data: &DataDir, nats: &bus::Connection) -> anyhow::Result<Connections> {
    let signing = |signer| {
        nats.clone()
            .with_keys_in(data.root(), signer)
            .map_err(anyhow::Error::msg)
    };
    Ok(Connections {
        planner: signing(Some(Signer::Planner))?,
        key_signer: signing(Some(Signer::KeySigner))?,
        other: signing(None)?,
    })
}

fn defaults(args: &UpArgs, data: &DataDir, engines: &Engines, connections: &Connections) -> Value {
    let nats = &connections.other;
    let database_url = engines.database_url();
    let mut all = json!({
        "planner": {"nats": connections.planner, "database_url": database_url},
        "key_signer": {"nats": connections.key_signer, "root_key_file": data.path("root.key"), "create_root_key": true},
        "issuer": {"nats": nats},
        "deployer": {"nats": nats},
        "verifier": {"nats": nats},
        "incident": {"nats": nats, "database_url": database_url},
        "console": {
            "nats": nats, "database_url": database_url, "listen": args.api_listen, "owner_token": data.owner_token(),
        },
    });
    if engines.has_own_nats() {
        all["planner"]["streams"] = json!(StreamBounds::SMALL);
    }
    if engines.has_own() {
        all["console"]["disk"] = json!({"path": data.root(), "low_mib": room::Bounds::default().low_mib});
    }
    all
}

fn flags(args: &UpArgs) -> Value {
    match &args.http01_listen {
        Some(listen) => json!({"issuer": {"http01_listen": listen}}),
        None => json!({}),
    }
}

/// Beside what the configuration allows.
fn allow(args: &UpArgs, deployer: &mut deployer::Config) -> Result<(), ConfigError> {
    deployer.allowed_roots.extend(args.allow_roots.iter().cloned());
    for text in &args.allow_activations {
        let refused = |why: String| ConfigError(format!("--allow-activation: {why}"));
        let Some((name, command)) = text.split_once('=') else {
            let remedy = "give NAME=PROGRAM ARGUMENT…, for example edge=/usr/local/bin/reload-edge";
            return Err(refused(format!("{text:?} has no =; {remedy}")));
        };
        let command = deployer::allowed::words::command(command).map_err(|why| refused(format!("{name}: {why}")))?;
        let commands = deployer::allowed::Commands {
            command,
            test: Vec::new(),
        };
        let workspace = domain::WorkspaceId::default_workspace().to_string();
        let own = deployer.workspaces.entry(workspace).or_default();
        own.activations.insert(name.to_owned(), commands);
    }
    // Here, before any engine is started.
    deployer.check().map(|_| ())
}

fn welcome(args: &UpArgs, data: &DataDir) -> String {
    format!(
        "Vigilo is up. API: http://{}/api/v1   owner token: {}\n\
         Try: vigilo --help, vigilo host add www.example.org, vigilo policy add …, vigilo renew www.example.org --wait",
        args.api_listen,
        data.path("owner.token").display(),
    )
}

/// Everything that one process runs, as it was configured.
struct Machine {
    engines: Engines,
    services: Services,
    /// What is said when all are up.
    welcome: String,
    data: DataDir,
}

/// Engines first, services over them; the other way round at the end. The data directory stays
/// locked as long.
#[expect(
    clippy::disallowed_methods,
    reason = "it watches the disk, or the end, for as long as the process lives"
)]
async fn live(machine: Machine, crew: Crew) -> anyhow::Result<()> {
    let Machine {
        engines,
        services,
        welcome,
        data,
    } = machine;
    let own_disk = engines.has_own();
    let Some(running) = engines.start(crew.process_life().soft()).await? else {
        return Ok(());
    };
    let watch = Watch {
        directory: data.root().to_owned(),
        low_mib: services.up.room.low_mib,
        nats: running.own_nats(),
    };
    let watched = own_disk.then(|| tokio::spawn(watch.keep(crew.process_life().soft().clone())));
    let mut all = JoinSet::new();
    start(services, &crew, &mut all);
    let mut outcome = announce(&crew, &mut all, &welcome).await;
    while let Some(ended) = all.join_next().await {
        let ended = ended.context("a service panicked").flatten();
        if !crew.process_life().soft().is_cancelled() {
            // One service less is no Vigilo: the others stop in order, and the process says why.
            stop(&crew);
            outcome = ended.and_then(|()| anyhow::bail!("a service ended without being asked to"));
        } else if outcome.is_ok() {
            outcome = ended;
        }
    }
    if let Some(watched) = watched {
        watched.abort();
    }
    running.stop().await;
    outcome
}

fn start(services: Services, crew: &Crew, all: &mut JoinSet<anyhow::Result<()>>) {
    /// Its life, its end with its name.
    macro_rules! member {
        ($name:literal, $run:path, $config:expr) => {{
            let (life, config) = (crew.member($name), $config);
            all.spawn(async move { life.keep(Box::pin($run(config, life.clone()))).await.context($name) });
        }};
    }
    member!("planner", planner::run, services.planner);
    member!("key-signer", key_signer::run, services.key_signer);
    member!("issuer", issuer::run, services.issuer);
    member!("deployer", deployer::run, services.deployer);
    member!("verifier", verifier::run, services.verifier);
    member!("incident", incident::run, services.incident);
    member!("console", console::run, services.console);
}

/// No signal asked for this end, so no supervisor bounds it.
#[expect(
    clippy::disallowed_methods,
    reason = "it watches the disk, or the end, for as long as the process lives; bounds the end itself, or waits for what is started"
)]
fn stop(crew: &Crew) {
    crew.process_life().soft().cancel();
    let hard = crew.process_life().hard().clone();
    tokio::spawn(async move {
        tokio::time::sleep(DRAIN).await;
        hard.cancel();
    });
}

/// Says that everything is ready, unless a service ends or we are stopped before.
#[expect(
    clippy::disallowed_methods,
    reason = "bounds the end itself, or waits for what is started"
)]
async fn announce(crew: &Crew, all: &mut JoinSet<anyhow::Result<()>>, welcome: &str) -> anyhow::Result<()> {
    let ready = async {
        while !crew.not_ready().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        // After a stop the services end as they were asked to: that is looked at first.
        biased;
        () = crew.process_life().soft().cancelled() => Ok(()),
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

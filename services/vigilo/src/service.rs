//! One service of a fleet in a process of its own.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use chassis::config::Layers;
use chassis::{ConfigError, Life, process};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

#[derive(Args)]
pub struct ServiceArgs {
    /// TOML file with the settings of this service; VIGILO_<KEY> in the environment overrides it
    #[arg(long, env = "VIGILO_CONFIG")]
    config: Option<PathBuf>,
    /// nats://host:port, overrides `nats.url`
    #[arg(long)]
    nats_url: Option<String>,
    /// postgres://user:password@host:port/database, overrides `database_url`
    #[arg(long)]
    database_url: Option<String>,
    /// Where /healthz and /readyz are answered, for example 127.0.0.1:9000
    #[arg(long)]
    health_listen: Option<String>,
}

#[derive(Subcommand)]
pub enum ServiceCommand {
    /// Owns the runs: decides, orders, keeps the record
    Planner(ServiceArgs),
    /// Makes keys, signs CSRs, holds the key-encryption keys
    KeySigner(ServiceArgs),
    /// Gets certificates from CAs by ACME, answers http-01
    Issuer(ServiceArgs),
    /// Puts certificates where they are served
    Deployer(ServiceArgs),
    /// Looks at what is served
    Verifier(ServiceArgs),
    /// Tells people what needs them
    Incident(ServiceArgs),
    /// Answers the API
    Console(ServiceArgs),
}

pub fn run(command: ServiceCommand) -> ExitCode {
    match command {
        ServiceCommand::Planner(args) => start("planner", &args, planner::run),
        ServiceCommand::KeySigner(args) => start("key-signer", &args, key_signer::run),
        ServiceCommand::Issuer(args) => start("issuer", &args, issuer::run),
        ServiceCommand::Deployer(args) => start("deployer", &args, deployer::run),
        ServiceCommand::Verifier(args) => start("verifier", &args, verifier::run),
        ServiceCommand::Incident(args) => start("incident", &args, incident::run),
        ServiceCommand::Console(args) => start("console", &args, console::run),
    }
}

fn start<C, F, Fut>(name: &'static str, args: &ServiceArgs, service: F) -> ExitCode
where
    C: DeserializeOwned + Send + 'static,
    F: FnOnce(C, Life) -> Fut + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let read = || -> Result<_, ConfigError> {
        let layers = Layers::new()
            .file(args.config.as_deref())?
            .environment()
            .values(flags(args));
        Ok((layers.settings()?, layers.service::<C>()?))
    };
    let (settings, config) = match read() {
        Ok(read) => read,
        Err(error) => return process::refuse(&error),
    };
    let outcome = process::run(name, &settings, move |crew| service(config, crew.member(name)));
    process::exit_code(&outcome)
}

fn flags(args: &ServiceArgs) -> Value {
    let mut flags = Map::new();
    if let Some(url) = &args.nats_url {
        flags.insert("nats".to_owned(), json!({"url": url}));
    }
    let plain = [
        ("database_url", &args.database_url),
        ("health_listen", &args.health_listen),
    ];
    flags.extend(
        plain
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))),
    );
    Value::Object(flags)
}

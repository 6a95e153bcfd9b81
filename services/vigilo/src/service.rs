//! One service of a fleet in a process of its own.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use chassis::config::Layers;
use chassis::{ConfigError, Life, process, secret_arg};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::exit;

#[derive(Args)]
pub struct ServiceArgs {
    /// TOML file with the settings of this service; VIGILO_<KEY> in the environment overrides it
    #[arg(long, env = "VIGILO_CONFIG")]
    config: Option<PathBuf>,
    /// nats://host:port, overrides `nats.url`
    #[arg(long)]
    nats_url: Option<String>,
    /// postgres://user:password@host:port/database, overrides `database_url`; better in the
    /// environment or in a file
    #[arg(long)]
    database_url: Option<String>,
    /// A file with the URL of Postgres: what stands on a command line is shown by `ps`
    #[arg(long, env = "VIGILO_DATABASE_URL_FILE")]
    database_url_file: Option<PathBuf>,
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
            .values(flags(args)?);
        Ok((layers.settings()?, layers.service::<C>()?))
    };
    let (settings, config) = match read() {
        Ok(read) => read,
        Err(error) => return process::refuse(&error),
    };
    let outcome = process::run(name, &settings, move |crew| {
        let life = crew.member(name);
        async move { life.keep(Box::pin(service(config, life.clone()))).await }
    });
    exit::code(&outcome)
}

fn flags(args: &ServiceArgs) -> Result<Value, ConfigError> {
    let mut flags = Map::new();
    if let Some(url) = &args.nats_url {
        flags.insert("nats".to_owned(), json!({"url": url}));
    }
    let file = args.database_url_file.as_deref();
    let database_url =
        secret_arg::given("--database-url-file", args.database_url.as_ref(), file).map_err(ConfigError)?;
    let plain = [("database_url", &database_url), ("health_listen", &args.health_listen)];
    flags.extend(
        plain
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))),
    );
    Ok(Value::Object(flags))
}

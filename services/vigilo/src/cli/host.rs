//! `vigilo host`: the TLS endpoints that are watched.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::client::{Client, part};
use super::{Criticality, Failed, Global, added, check, import, show, word};

#[derive(Subcommand)]
pub enum HostCommand {
    /// Add one host
    Add {
        hostname: String,
        #[arg(long, default_value_t = 443)]
        port: u16,
        /// Dial this address instead of what DNS says; may be repeated
        #[arg(long = "address")]
        addresses: Vec<String>,
        #[arg(long, default_value = "prod")]
        environment: String,
        #[arg(long, value_enum, default_value = "medium")]
        criticality: Criticality,
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// Look at it once in so many seconds
        #[arg(long, default_value_t = 3600)]
        probe_interval: u32,
        #[command(flatten)]
        global: Global,
    },
    /// Add hosts from a file: a JSON array, or one JSON object per line; `-` reads standard input
    Import {
        file: PathBuf,
        #[command(flatten)]
        global: Global,
    },
    /// Look at hosts now and show what they serve
    Check {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        hosts: Vec<String>,
        /// Every host
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        global: Global,
    },
    /// Show one host, by hostname or id, with what each of its addresses serves
    Show {
        host: String,
        #[command(flatten)]
        global: Global,
    },
    /// List hosts with what they serve
    List {
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(command: HostCommand) -> Result<(), Failed> {
    match command {
        HostCommand::Add {
            hostname,
            port,
            addresses,
            environment,
            criticality,
            tags,
            probe_interval,
            global,
        } => {
            let body = json!({"hostname": hostname, "port": port, "addresses": addresses, "environment": environment,
                              "criticality": word(criticality), "tags": tags, "probe_interval_seconds": probe_interval});
            added(&global, "/hosts", &body).await
        }
        HostCommand::Import { file, global } => import::run(&Client::new(&global)?, "hosts", &file).await,
        HostCommand::Check { hosts, all, global } => {
            let client = Client::new(&global)?;
            let hosts = if all { check::every_host(&client).await? } else { hosts };
            check::run(client, hosts).await
        }
        HostCommand::Show { host, global } => {
            let host = Client::new(&global)?.get(&format!("/hosts/{}", part(&host))).await?;
            show::host(&host, global.json);
            Ok(())
        }
        HostCommand::List { global } => {
            let items = Client::new(&global)?.all("/hosts").await?;
            show::hosts(&items, global.json);
            Ok(())
        }
    }
}

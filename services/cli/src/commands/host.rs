//! `vigilo host`: the TLS endpoints that are watched.

use std::path::PathBuf;

use api::hosts::{Host, HostDetail};
use clap::Subcommand;
use domain::{DnsName, host};
use serde_json::json;

use super::{check, import};
use crate::args::{Criticality, Global, word};
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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
    /// Add hosts from a file: a JSON array, one JSON object per line, or CSV whose first line names the fields; `-` reads standard input
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

#[expect(clippy::too_many_lines, reason = "one arm for each command")]
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
            let added: host::Host = Client::new(&global)?.post("/hosts", &body).await?;
            out::answer(global.json, &added, |added| print::added(&added.spec.hostname));
            if let Some(why) = DnsName::from(&added.spec.hostname).unissuable() {
                out::aside_line(format!(
                    "it is watched; this version cannot get a certificate for it: {why}"
                ));
            }
            Ok(())
        }
        HostCommand::Import { file, global } => import::run(&Client::new(&global)?, import::Listed::Hosts, &file).await,
        HostCommand::Check { hosts, all, global } => {
            let client = Client::new(&global)?;
            let hosts = if all { check::every_host(&client).await? } else { hosts };
            check::run(client, hosts).await
        }
        HostCommand::Show { host, global } => {
            let path = format!("/hosts/{}", part(&host));
            let found: HostDetail = Client::new(&global)?.get(&path).await?;
            out::answer(global.json, &found, print::host::detail);
            Ok(())
        }
        HostCommand::List { global } => {
            let items: Vec<Host> = Client::new(&global)?.all("/hosts", &[]).await?;
            let nothing = "no host is watched yet; add one: vigilo host add www.example.org";
            out::nothing_yet(global.json, &items, nothing);
            out::answer(global.json, items.as_slice(), print::host::list);
            Ok(())
        }
    }
}

//! `vigilo runs` and `vigilo run`: where renewals stand, and what happened in one.

use api::runs::{Run, RunDetail};
use api::{Items, Page};
use clap::Args;
use protocol::report::Exchange;
use serde::Serialize;

use crate::args::{Status, word};
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

#[derive(Args)]
pub struct RunsArgs {
    #[arg(long, value_enum)]
    status: Option<Status>,
    #[arg(long)]
    hostname: Option<String>,
    /// Runs of this bulk renewal
    #[arg(long)]
    job: Option<String>,
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// A run with what was said to the CA, as JSON for machines.
#[derive(Serialize)]
struct WithExchange<'a> {
    #[serde(flatten)]
    run: &'a RunDetail,
    exchange: &'a [Exchange],
}

pub async fn list(client: &Client, which: RunsArgs) -> Result<(), Failed> {
    let query = [
        ("status", which.status.map(word)),
        ("hostname", which.hostname),
        ("job", which.job),
        ("limit", Some(which.limit.to_string())),
    ];
    let page: Page<Run> = client.get_with("/runs", &query).await?;
    let nothing = "no such run; the schedule or vigilo renew begins them";
    out::nothing_yet(client.json, &page.items, nothing);
    out::answer(client.json, page.items.as_slice(), print::run::list);
    Ok(())
}

pub async fn show(client: &Client, id: &str, exchange_wanted: bool) -> Result<(), Failed> {
    let run: RunDetail = client.get(&format!("/runs/{}", part(id))).await?;
    if !exchange_wanted {
        out::answer(client.json, &run, print::run::detail);
        return Ok(());
    }
    let exchange: Items<Exchange> = client.get(&format!("/runs/{}/exchange", part(id))).await?;
    let exchange = exchange.items.as_slice();
    if client.json {
        out::json(&WithExchange { run: &run, exchange });
    } else {
        out::put(&print::run::detail(&run));
        out::put(&print::run::exchange(exchange));
    }
    Ok(())
}

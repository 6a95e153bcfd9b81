//! `vigilo limits`: what the CAs allow, by which orders are paced.

use api::Items;
use clap::Subcommand;
use domain::limit::Limit;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

#[derive(Subcommand)]
pub enum LimitCommand {
    /// List what the CAs allow, with source and the day on which it was last verified
    List {
        #[command(flatten)]
        global: Global,
    },
    /// Change a limit, or add one (then with --directory-url, --scope, --title, --burst and --period-seconds)
    Set {
        /// For example letsencrypt.new-orders
        id: String,
        /// Tokens that may be used at once
        #[arg(long)]
        burst: Option<u32>,
        /// Seconds from one token to the next
        #[arg(long)]
        period_seconds: Option<u32>,
        /// The CA's ACME directory
        #[arg(long)]
        directory_url: Option<String>,
        /// account, registered_domain, exact_set, failed_authorization or consecutive_failure
        #[arg(long)]
        scope: Option<String>,
        /// How people call it
        #[arg(long)]
        title: Option<String>,
        /// Where it is written
        #[arg(long)]
        source: Option<String>,
        /// The day on which it was compared with the source, YYYY-MM-DD; of a new one: today
        #[arg(long)]
        last_verified: Option<String>,
        /// false: it is not looked at any more
        #[arg(long)]
        enabled: Option<bool>,
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(command: LimitCommand) -> Result<(), Failed> {
    match command {
        LimitCommand::List { global } => {
            let all: Items<Limit> = Client::new(&global)?.get("/limits").await?;
            out::answer(global.json, all.items.as_slice(), print::pacing::limits);
            Ok(())
        }
        LimitCommand::Set {
            id,
            burst,
            period_seconds,
            directory_url,
            scope,
            title,
            source,
            last_verified,
            enabled,
            global,
        } => {
            let said = json!({"burst": burst, "period_seconds": period_seconds, "directory_url": directory_url,
                              "scope": scope, "title": title, "source": source, "last_verified": last_verified,
                              "enabled": enabled});
            set(&Client::new(&global)?, &id, &said).await
        }
    }
}

/// What is not said stays as it is. The API judges what was typed.
async fn set(client: &Client, id: &str, said: &Value) -> Result<(), Failed> {
    let all: Items<Limit> = client.get("/limits").await?;
    let known = all.items.into_iter().find(|limit| limit.id == id);
    let mut body = match known {
        Some(known) => json!(known),
        None => json!({"source": "an operator"}),
    };
    if let Some(fields) = body.as_object_mut() {
        fields.remove("id");
        let said = said.as_object().into_iter().flatten();
        let said = said.filter(|(_, value)| !value.is_null());
        fields.extend(said.map(|(name, value)| (name.clone(), value.clone())));
    }
    let limit: Limit = client.put(&format!("/limits/{}", part(id)), &body).await?;
    out::answer(client.json, [limit].as_slice(), print::pacing::limits);
    Ok(())
}

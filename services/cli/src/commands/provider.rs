//! `vigilo provider`: who issues, what it costs there, and whom the workspace likes.

use api::providers::{Provider, Providers};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

#[derive(Subcommand)]
pub enum ProviderCommand {
    /// List providers with price, abilities' age and whether this version can use them
    List {
        #[command(flatten)]
        global: Global,
    },
    /// Show one provider
    Show {
        id: String,
        #[command(flatten)]
        global: Global,
    },
    /// Add an ACME CA by its directory URL
    Add {
        /// A short name: a-z, 0-9 and -
        id: String,
        /// What people call it; without it: the id
        #[arg(long)]
        title: Option<String>,
        #[arg(long)]
        directory_url: String,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        global: Global,
    },
    /// Change a provider for this workspace; what is not named stays
    Set {
        id: String,
        #[arg(long)]
        title: Option<String>,
        /// Of a CA that was added by this workspace
        #[arg(long)]
        directory_url: Option<String>,
        /// Use it again
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Choose it no more
        #[arg(long)]
        disable: bool,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        global: Global,
    },
    /// Remove what this workspace added or changed; everybody's entry counts again
    Forget {
        id: String,
        #[command(flatten)]
        global: Global,
    },
    /// Set preferred_provider: who is taken of equally cheap ones, the first first; no id: no
    /// provider is preferred
    Prefer {
        ids: Vec<String>,
        #[command(flatten)]
        global: Global,
    },
}

/// What can be said of a provider.
#[derive(Args)]
pub struct Facts {
    /// The directory of its staging
    #[arg(long)]
    staging_url: Option<String>,
    /// Price of one issuance in US dollars, for example 7 or 0.15; unknown: it is not known
    #[arg(long)]
    price_usd: Option<String>,
    /// Price of a certificate or name with a wildcard, where it has its own
    #[arg(long, requires = "price_usd")]
    wildcard_price_usd: Option<String>,
    /// The price is paid for each name
    #[arg(long, requires = "price_usd")]
    per_name: bool,
    /// Abilities as JSON, for example {"challenges":["http-01"],"max_names":100}; what it leaves
    /// out is as usual of an ACME CA
    #[arg(long)]
    abilities: Option<String>,
    /// The days that a certificate is good for
    #[arg(long)]
    max_validity_days: Option<u16>,
    /// Where price and abilities were read
    #[arg(long)]
    source: Option<String>,
    /// When they were read, for example 2026-08-05; without it: today
    #[arg(long)]
    last_verified: Option<String>,
    /// Smaller is taken first where nothing else tells two apart
    #[arg(long)]
    rank: Option<i16>,
}

impl Facts {
    fn body(&self) -> Result<Map<String, Value>, Failed> {
        let mut body = Map::new();
        let mut say = |field: &str, value: Value| {
            if !value.is_null() {
                body.insert(field.to_owned(), value);
            }
        };
        say("staging_url", json!(self.staging_url));
        say("price", self.price()?);
        say("abilities", abilities(self.abilities.as_deref())?);
        say("max_validity_days", json!(self.max_validity_days));
        say("source", json!(self.source));
        say("last_verified", json!(self.last_verified));
        say("rank", json!(self.rank));
        Ok(body)
    }

    fn price(&self) -> Result<Value, Failed> {
        let Some(price) = &self.price_usd else {
            return Ok(Value::Null);
        };
        let wildcard = match &self.wildcard_price_usd {
            Some(price) => micro_usd("--wildcard-price-usd", price)?,
            None => Value::Null,
        };
        Ok(json!({
            "micro_usd": micro_usd("--price-usd", price)?,
            "wildcard_micro_usd": wildcard,
            "per": if self.per_name { "name" } else { "certificate" },
        }))
    }
}

fn abilities(text: Option<&str>) -> Result<Value, Failed> {
    let Some(text) = text else { return Ok(Value::Null) };
    let remedy = "give a JSON object such as {\"challenges\":[\"http-01\"]}";
    serde_json::from_str(text).map_err(|e| Failed::Refused(format!("--abilities: {e}; {remedy}")))
}

fn micro_usd(option: &str, text: &str) -> Result<Value, Failed> {
    if text == "unknown" {
        return Ok(Value::Null);
    }
    match domain::price::parse_usd(text) {
        Ok(micro) => Ok(json!(micro)),
        Err(why) => Err(Failed::Refused(format!("{option}: {why}"))),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each subcommand")]
pub async fn run(command: ProviderCommand) -> Result<(), Failed> {
    match command {
        ProviderCommand::List { global } => {
            let all = Client::new(&global)?.get("/providers").await?;
            show_all(global.json, &all);
        }
        ProviderCommand::Show { id, global } => {
            let found = Client::new(&global)?.get(&path_of(&id)).await?;
            show(global.json, &found);
        }
        ProviderCommand::Add {
            id,
            title,
            directory_url,
            facts,
            global,
        } => {
            let mut body = facts.body()?;
            body.insert("title".to_owned(), json!(title.as_ref().unwrap_or(&id)));
            body.insert("id".to_owned(), json!(id));
            body.insert("directory_url".to_owned(), json!(directory_url));
            show(global.json, &Client::new(&global)?.post("/providers", &body).await?);
        }
        ProviderCommand::Set {
            id,
            title,
            directory_url,
            enable,
            disable,
            facts,
            global,
        } => {
            let enabled = (enable || disable).then_some(enable);
            let said = [
                ("title", json!(title)),
                ("directory_url", json!(directory_url)),
                ("enabled", json!(enabled)),
            ];
            let body = changes(facts.body()?, said)?;
            show(global.json, &Client::new(&global)?.patch(&path_of(&id), &body).await?);
        }
        ProviderCommand::Forget { id, global } => {
            let all = Client::new(&global)?.delete(&path_of(&id)).await?;
            show_all(global.json, &all);
        }
        ProviderCommand::Prefer { ids, global } => {
            let body = json!({ "preferred_provider": ids });
            let all = Client::new(&global)?.put("/providers/preferred", &body).await?;
            show_all(global.json, &all);
        }
    }
    Ok(())
}

fn path_of(id: &str) -> String {
    format!("/providers/{}", part(id))
}

/// What was said, of which something must be.
fn changes(
    mut body: Map<String, Value>,
    said: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Map<String, Value>, Failed> {
    let said = said.into_iter().filter(|(_, value)| !value.is_null());
    body.extend(said.map(|(field, value)| (field.to_owned(), value)));
    if body.is_empty() {
        let remedy = "give the flags of what changes; vigilo provider set --help lists them";
        return Err(Failed::Refused(format!("nothing is to be changed; {remedy}")));
    }
    Ok(body)
}

fn show(json_wanted: bool, provider: &Provider) {
    out::answer(json_wanted, provider, print::provider::detail);
}

fn show_all(json_wanted: bool, all: &Providers) {
    out::answer(json_wanted, all, print::provider::all);
}

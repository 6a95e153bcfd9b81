//! `vigilo provider`: who issues, what it costs there, and whom the workspace likes.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Client, part};
use super::show::{line, list as print, text};
use super::{Failed, Global};

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
    /// Set preferred_provider: who is taken of equally cheap ones, the first first; no id: nobody is preferred
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
    /// Price of one issuance in US dollars, for example 7 or 0.15; unknown: nobody knows it
    #[arg(long)]
    price_usd: Option<String>,
    /// Price of a certificate or name with a wildcard, where it has its own
    #[arg(long, requires = "price_usd")]
    wildcard_price_usd: Option<String>,
    /// The price is paid for each name
    #[arg(long, requires = "price_usd")]
    per_name: bool,
    /// Abilities as JSON, for example {"challenges":["http-01"],"max_names":100}; what it leaves out is as usual of an ACME CA
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

pub async fn run(command: ProviderCommand) -> Result<(), Failed> {
    match command {
        ProviderCommand::List { global } => {
            shelf(&Client::new(&global)?.get("/providers").await?, global.json);
            Ok(())
        }
        ProviderCommand::Show { id, global } => {
            one(
                &Client::new(&global)?.get(&format!("/providers/{}", part(&id))).await?,
                global.json,
            );
            Ok(())
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
            one(
                &Client::new(&global)?.post("/providers", &Value::Object(body)).await?,
                global.json,
            );
            Ok(())
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
            let mut body = facts.body()?;
            let enabled = (enable || disable).then_some(enable);
            for (field, value) in [
                ("title", json!(title)),
                ("directory_url", json!(directory_url)),
                ("enabled", json!(enabled)),
            ] {
                if !value.is_null() {
                    body.insert(field.to_owned(), value);
                }
            }
            if body.is_empty() {
                let remedy = "give the flags of what changes; vigilo provider set --help lists them";
                return Err(Failed::Refused(format!("nothing is to be changed; {remedy}")));
            }
            let path = format!("/providers/{}", part(&id));
            one(
                &Client::new(&global)?.patch(&path, &Value::Object(body)).await?,
                global.json,
            );
            Ok(())
        }
        ProviderCommand::Forget { id, global } => {
            shelf(
                &Client::new(&global)?
                    .delete(&format!("/providers/{}", part(&id)))
                    .await?,
                global.json,
            );
            Ok(())
        }
        ProviderCommand::Prefer { ids, global } => {
            let body = json!({ "preferred_provider": ids });
            shelf(
                &Client::new(&global)?.put("/providers/preferred", &body).await?,
                global.json,
            );
            Ok(())
        }
    }
}

fn shelf(shelf: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&shelf.to_string());
    }
    let items = shelf["items"].as_array().cloned().unwrap_or_default();
    print(&items, false, row);
    let preferred: Vec<String> = shelf["preferred_provider"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    if preferred.is_empty() {
        line("preferred_provider: nobody; of equally cheap ones the policy's own is taken");
    } else {
        line(&format!("preferred_provider: {}", preferred.join(", ")));
    }
}

fn row(entry: &Value) -> String {
    let state = match (entry["served"] == true, entry["enabled"] == true) {
        (false, _) => "not served",
        (true, false) => "disabled",
        (true, true) => "in use",
    };
    let stale = entry["stale"].as_str().map(|why| format!("  ! {why}"));
    format!(
        "{:<20} {:<11} {state:<10} {:<28} {}{}",
        text(&entry["id"]),
        text(&entry["kind"]),
        price(&entry["price"]),
        text(&entry["title"]),
        stale.unwrap_or_default(),
    )
}

fn price(price: &Value) -> String {
    let per = if price["per"] == "name" { " a name" } else { "" };
    let one = domain::price::shown(price["micro_usd"].as_u64());
    match price["wildcard_micro_usd"].as_u64() {
        Some(wildcard) => format!("{one}{per}, wildcard {}", domain::price::usd(wildcard)),
        None => format!("{one}{per}"),
    }
}

fn one(entry: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&entry.to_string());
    }
    line(&row(entry));
    for field in [
        "scope",
        "directory_url",
        "staging_url",
        "max_validity_days",
        "rank",
        "source",
        "last_verified",
    ] {
        line(&format!("    {field:<18} {}", text(&entry[field])));
    }
    for (ability, value) in entry["abilities"].as_object().into_iter().flatten() {
        line(&format!("    {ability:<18} {value}"));
    }
    if let Some(note) = entry["price"]["note"].as_str().filter(|note| !note.is_empty()) {
        line(&format!("    price              {note}"));
    }
}

//! `vigilo limits`, `vigilo group` and `vigilo window`: what paces the runs.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, part};
use super::{Failed, Global, show};

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

#[derive(Subcommand)]
pub enum GroupCommand {
    /// List the target groups that have a bound
    List {
        #[command(flatten)]
        global: Global,
    },
    /// Deploy to at most so many targets of a group at once
    Set {
        name: String,
        at_once: u32,
        #[command(flatten)]
        global: Global,
    },
    /// Take the bound away
    Remove {
        name: String,
        #[command(flatten)]
        global: Global,
    },
}

#[derive(Subcommand)]
pub enum WindowCommand {
    /// List the maintenance windows of host tags
    List {
        #[command(flatten)]
        global: Global,
    },
    /// Touch hosts of a tag in these windows only, unless their policy has windows of its own
    Set {
        tag: String,
        /// "CRON;MINUTES;ZONE", for example "0 22 * * 1-5;480;Europe/Berlin"; may be repeated
        #[arg(long = "window", required = true)]
        windows: Vec<String>,
        #[command(flatten)]
        global: Global,
    },
    /// Let hosts of a tag be touched at any time
    Remove {
        tag: String,
        #[command(flatten)]
        global: Global,
    },
}

pub async fn limits(command: LimitCommand) -> Result<(), Failed> {
    match command {
        LimitCommand::List { global } => {
            let items = items(&Client::new(&global)?, "/limits").await?;
            show::list(&items, global.json, limit);
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
            set_limit(&Client::new(&global)?, &id, &said).await
        }
    }
}

/// What is not said stays as it is.
async fn set_limit(client: &Client, id: &str, said: &Value) -> Result<(), Failed> {
    let known = items(client, "/limits")
        .await?
        .into_iter()
        .find(|limit| limit["id"] == id);
    let mut body = known.unwrap_or_else(|| json!({"source": "an operator"}));
    if let Some(fields) = body.as_object_mut() {
        fields.remove("id");
        let said = said
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null());
        fields.extend(said.map(|(name, value)| (name.clone(), value.clone())));
    }
    let limit_now = client.put(&format!("/limits/{}", part(id)), &body).await?;
    show::list(&[limit_now], client.json, limit);
    Ok(())
}

fn limit(one: &Value) -> String {
    let off = if one["enabled"] == false { "  (off)" } else { "" };
    format!(
        "{:<36} {:>6} at once, then 1 in {} s  {} ({}, verified {}){off}",
        show::text(&one["id"]),
        show::text(&one["burst"]),
        show::text(&one["period_seconds"]),
        show::text(&one["title"]),
        show::text(&one["source"]),
        show::text(&one["last_verified"]),
    )
}

pub async fn groups(command: GroupCommand) -> Result<(), Failed> {
    let group = |one: &Value| {
        format!(
            "{:<40} {} at once",
            show::text(&one["name"]),
            show::text(&one["at_once"])
        )
    };
    match command {
        GroupCommand::List { global } => {
            let items = items(&Client::new(&global)?, "/target-groups").await?;
            show::list(&items, global.json, group);
        }
        GroupCommand::Set { name, at_once, global } => {
            let client = Client::new(&global)?;
            let body = json!({"at_once": at_once});
            let set = client.put(&format!("/target-groups/{}", part(&name)), &body).await?;
            show::list(&[set], global.json, group);
        }
        GroupCommand::Remove { name, global } => {
            Client::new(&global)?
                .delete(&format!("/target-groups/{}", part(&name)))
                .await?;
            show::line(&format!("{name} has no bound any more"));
        }
    }
    Ok(())
}

pub async fn windows(command: WindowCommand) -> Result<(), Failed> {
    match command {
        WindowCommand::List { global } => {
            let items = items(&Client::new(&global)?, "/tag-windows").await?;
            show::list(&items, global.json, tag);
        }
        WindowCommand::Set {
            tag: name,
            windows,
            global,
        } => {
            let client = Client::new(&global)?;
            let windows = windows
                .iter()
                .map(|text| window(text))
                .collect::<Result<Vec<Value>, Failed>>()?;
            let body = json!({"windows": windows});
            let set = client.put(&format!("/tag-windows/{}", part(&name)), &body).await?;
            show::list(&[set], global.json, tag);
        }
        WindowCommand::Remove { tag, global } => {
            Client::new(&global)?
                .delete(&format!("/tag-windows/{}", part(&tag)))
                .await?;
            show::line(&format!("hosts of {tag} may be touched at any time"));
        }
    }
    Ok(())
}

fn tag(one: &Value) -> String {
    let windows = one["windows"].as_array().into_iter().flatten();
    let said: Vec<String> = windows
        .map(|window| {
            let (cron, zone) = (show::text(&window["cron"]), show::text(&window["zone"]));
            format!("\"{cron}\" {zone} for {} min", show::text(&window["minutes"]))
        })
        .collect();
    format!("{:<30} {}", show::text(&one["tag"]), said.join(", "))
}

/// `CRON;MINUTES[;ZONE]`, with ` / ` in place of `;` too.
pub fn window(text: &str) -> Result<Value, Failed> {
    let remedy = "give \"CRON;MINUTES;ZONE\", for example \"0 22 * * 1-5;480;Europe/Berlin\"";
    let refused = || Failed::Refused(format!("--window: {text:?} is no window; {remedy}"));
    // A step such as */2 has no blanks around its stroke.
    let written = text.replace(" / ", ";");
    let mut parts = written.split(';').map(str::trim);
    let (cron, minutes, zone) = (parts.next(), parts.next(), parts.next().unwrap_or("UTC"));
    let minutes: u32 = minutes.and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    if parts.next().is_some() {
        return Err(refused());
    }
    Ok(json!({"cron": cron, "minutes": minutes, "zone": zone}))
}

async fn items(client: &Client, path: &str) -> Result<Vec<Value>, Failed> {
    let answer = client.get(path).await?;
    Ok(answer["items"].as_array().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_in_either_spelling() {
        let night = json!({"cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Berlin"});
        for text in ["0 22 * * 1-5;480;Europe/Berlin", "0 22 * * 1-5 / 480 / Europe/Berlin"] {
            assert_eq!(window(text).expect(text), night);
        }
        let often = json!({"cron": "*/20 * * * *", "minutes": 5, "zone": "UTC"});
        assert_eq!(window("*/20 * * * * / 5").expect("a window"), often);
        for wrong in ["", "0 22 * * *", "0 22 * * *;x", "0 22 * * *;5;UTC;more"] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }
}

//! `vigilo incidents`: what needs a person, and what a person says of it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, part};
use super::show::{line, list as print, text};
use super::{Failed, Global, IncidentState, word};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct IncidentArgs {
    /// Without it: all but those that went into another
    #[arg(long, value_enum)]
    state: Option<IncidentState>,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    say: Option<Say>,
}

#[derive(Subcommand)]
enum Say {
    /// Its runs, what was done about it, and who was told
    Show {
        id: String,
        #[command(flatten)]
        global: Global,
    },
    /// You have it in hand
    Ack {
        id: String,
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        global: Global,
    },
    /// It is over, whatever its runs say
    Close {
        id: String,
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(args: IncidentArgs) -> Result<(), Failed> {
    match args.say {
        Some(Say::Ack { id, note, global }) => say(&global, (&id, "acknowledge"), &note).await,
        Some(Say::Close { id, note, global }) => say(&global, (&id, "close"), &note).await,
        Some(Say::Show { id, global }) => {
            let incident = Client::new(&global)?.get(&format!("/incidents/{}", part(&id))).await?;
            show(&incident, global.json);
            Ok(())
        }
        None => {
            let state = args
                .state
                .map(|state| format!("?state={}", word(state)))
                .unwrap_or_default();
            let items = Client::new(&args.global)?.all(&format!("/incidents{state}")).await?;
            list(&items, args.global.json);
            Ok(())
        }
    }
}

async fn say(global: &Global, (id, verb): (&str, &str), note: &str) -> Result<(), Failed> {
    let path = format!("/incidents/{}/{verb}", part(id));
    let incident = Client::new(global)?.post(&path, &json!({"note": note})).await?;
    line(&if global.json {
        incident.to_string()
    } else {
        format!("incident {id} is {}", text(&incident["state"]))
    });
    Ok(())
}

fn list(items: &[Value], json_wanted: bool) {
    print(items, json_wanted, |incident| {
        format!(
            "{} {:<12} {} {}{}\n    incident {}",
            text(&incident["severity"]),
            text(&incident["state"]),
            text(&incident["opened_at"]),
            title(incident),
            untold(incident),
            text(&incident["id"]),
        )
    });
}

fn title(incident: &Value) -> String {
    let (title, hosts) = (text(&incident["title"]), text(&incident["members_total"]));
    match title.strip_prefix("many hosts") {
        Some(rest) if incident["common"] == true => format!("{hosts} hosts{rest}"),
        Some(_) | None => title,
    }
}

/// That somebody could not be told.
fn untold(incident: &Value) -> String {
    let count = |field: &str| incident[field].as_i64().unwrap_or(0);
    match (count("notifications_failing"), count("notifications_given_up")) {
        (0, 0) => String::new(),
        (failing, given_up) => format!("\n    ✗ not told: {failing} tried again, {given_up} given up"),
    }
}

fn show(incident: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&incident.to_string());
    }
    list(std::slice::from_ref(incident), false);
    line(&format!("    {}", text(&incident["detail"]).replace('\n', "\n    ")));
    let of = |field: &str| incident[field].as_array().into_iter().flatten();
    line(&format!(
        "runs: {}, of which {} still have trouble",
        text(&incident["members_total"]),
        text(&incident["members_open"])
    ));
    for member in of("members") {
        let stands = match member["closed_because"].as_str() {
            Some(why) => format!("mended: {why}"),
            None => "has trouble".to_owned(),
        };
        line(&format!(
            "    {:<40} run {}  {stands}",
            text(&member["hostname"]),
            text(&member["run_id"])
        ));
    }
    line("history:");
    for change in of("changes") {
        line(&format!(
            "    {} {:<12} by {}: {}",
            text(&change["at"]),
            text(&change["change"]),
            text(&change["by"]),
            text(&change["note"])
        ));
    }
    line("told:");
    for notification in of("notifications") {
        told(notification);
    }
}

fn told(notification: &Value) {
    let mark = match notification["state"].as_str() {
        Some("delivered") => "✓",
        Some("failing" | "given_up") => "✗",
        Some(_) | None => "…",
    };
    line(&format!(
        "    {mark} {:<12} {} {} ({})",
        text(&notification["change"]),
        text(&notification["channel"]),
        text(&notification["recipient"]),
        text(&notification["state"])
    ));
    if let (Some(error), None) = (
        notification["last_error"].as_str(),
        notification["delivered_at"].as_str(),
    ) {
        let next = notification["next_try_at"].as_str();
        let next = next.map(|at| format!("; next try at {at}")).unwrap_or_default();
        line(&format!("       {error}{next}"));
    }
}

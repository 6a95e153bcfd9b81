//! `vigilo emergency`: certificates that a CA wants renewed at once, what is left of them, and renewing all of that.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, invalid, part};
use super::show::{line, list as print, text};
use super::{Failed, Global};

#[derive(Subcommand)]
pub enum EmergencyCommand {
    /// What CAs have called for, newest first
    List {
        #[command(flatten)]
        global: Global,
    },
    /// The hosts that are left, in the order in which they are renewed
    Show {
        id: String,
        /// How many hosts are listed, 1 to 1000
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        global: Global,
    },
    /// Renew all that is left, the most critical hosts first, also what renews only by hand
    Renew {
        id: String,
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(command: EmergencyCommand) -> Result<(), Failed> {
    match command {
        EmergencyCommand::List { global } => {
            let answer = Client::new(&global)?.get("/emergencies").await?;
            list(answer["items"].as_array().map_or(&[][..], Vec::as_slice), global.json);
            Ok(())
        }
        EmergencyCommand::Show { id, limit, global } => {
            let answer = Client::new(&global)?
                .get(&format!("/emergencies/{}?limit={limit}", part(&id)))
                .await?;
            show(&answer, global.json);
            Ok(())
        }
        EmergencyCommand::Renew { id, global } => renew(&global, &id).await,
    }
}

/// What was refused is told, and is no success.
async fn renew(global: &Global, id: &str) -> Result<(), Failed> {
    let answer = Client::new(global)?
        .post(&format!("/emergencies/{}/renew", part(id)), &json!({}))
        .await?;
    if let Some(warning) = answer["warning"].as_str() {
        eprintln!("warning: {warning}");
    }
    let refused = answer["refused"].as_array().map_or(&[][..], Vec::as_slice);
    if global.json {
        line(&answer.to_string());
    } else {
        let begun = answer["accepted"].as_array().map_or(0, Vec::len);
        line(&format!(
            "{begun} renewals begun, {} on their way",
            text(&answer["on_their_way"])
        ));
        for one in refused {
            line(&format!("✗ {}: {}", text(&one["hostname"]), invalid(&one["reason"])));
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failed::Report)
    }
}

fn list(items: &[Value], json_wanted: bool) {
    print(items, json_wanted, |emergency| {
        let stands = match emergency["ended_at"].as_str() {
            Some(at) => format!("ended at {at}"),
            None => format!("{} left", text(&emergency["left"])),
        };
        let page = emergency["explanation_url"].as_str();
        format!(
            "{} {} wants {} of {} certificates renewed at once: {stands}{}\n    emergency {}",
            text(&emergency["opened_at"]),
            text(&emergency["directory_url"]),
            text(&emergency["certificates"]),
            text(&emergency["of_all"]),
            page.map(|url| format!("\n    see {url}")).unwrap_or_default(),
            text(&emergency["id"]),
        )
    });
}

fn show(emergency: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&emergency.to_string());
    }
    list(std::slice::from_ref(emergency), false);
    line(&format!(
        "    revoked by {} when keys are known, else by {}",
        text(&emergency["grave_until"]),
        text(&emergency["other_until"])
    ));
    for plan in emergency["plans"].as_array().into_iter().flatten() {
        let plan = text(plan);
        line(&format!(
            "    planned: vigilo job show {plan}; vigilo bulk commit {plan}"
        ));
    }
    for host in emergency["hosts"].as_array().into_iter().flatten() {
        let stands = match (host["status"].as_str(), host["renews_itself"] == true) {
            (Some(status), _) => format!("{status} run {}", text(&host["run_id"])),
            (None, true) => "renews itself".to_owned(),
            (None, false) => "waits to be asked for".to_owned(),
        };
        line(&format!(
            "    {:<9} {:<40} {stands}",
            text(&host["criticality"]),
            text(&host["hostname"])
        ));
    }
}

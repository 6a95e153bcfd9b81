//! `vigilo emergency`: certificates that a CA wants renewed at once, what is left of them, and renewing all of that.

use api::Items;
use api::emergencies::{Emergency, EmergencyDetail, EmergencyRenewal};
use clap::Subcommand;
use serde_json::json;

use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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
            let all: Items<Emergency> = Client::new(&global)?.get("/emergencies").await?;
            out::answer(global.json, all.items.as_slice(), print::emergency::list);
            Ok(())
        }
        EmergencyCommand::Show { id, limit, global } => {
            let path = format!("/emergencies/{}?limit={limit}", part(&id));
            let found: EmergencyDetail = Client::new(&global)?.get(&path).await?;
            out::answer(global.json, &found, print::emergency::detail);
            Ok(())
        }
        EmergencyCommand::Renew { id, global } => renew(&global, &id).await,
    }
}

/// What was refused is told, and is no success.
async fn renew(global: &Global, id: &str) -> Result<(), Failed> {
    let path = format!("/emergencies/{}/renew", part(id));
    let renewal: EmergencyRenewal = Client::new(global)?.post(&path, &json!({})).await?;
    if let Some(warning) = &renewal.answered.warning {
        out::aside_line(format!("warning: {warning}"));
    }
    out::answer(global.json, &renewal, print::emergency::renewal);
    if renewal.answered.refused.is_empty() {
        Ok(())
    } else {
        Err(Failed::Report)
    }
}

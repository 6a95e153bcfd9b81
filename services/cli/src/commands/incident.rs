//! `vigilo incidents`: what needs a person, and what a person says of it.

use api::incidents::{Incident, IncidentDetail, Note};
use clap::{Args, Subcommand};

use crate::args::{Global, IncidentState, word};
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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
    /// Acknowledge it: you look after it
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
        Some(Say::Ack { id, note, global }) => say(&global, &format!("{}/acknowledge", part(&id)), note).await,
        Some(Say::Close { id, note, global }) => say(&global, &format!("{}/close", part(&id)), note).await,
        Some(Say::Show { id, global }) => {
            let path = format!("/incidents/{}", part(&id));
            let found: IncidentDetail = Client::new(&global)?.get(&path).await?;
            out::answer(global.json, &found, print::incident::detail);
            Ok(())
        }
        None => {
            let query = [("state", args.state.map(word))];
            let items: Vec<Incident> = Client::new(&args.global)?.all("/incidents", &query).await?;
            out::nothing_yet(args.global.json, &items, "no such incident");
            out::answer(args.global.json, items.as_slice(), print::incident::list);
            Ok(())
        }
    }
}

async fn say(global: &Global, act: &str, note: String) -> Result<(), Failed> {
    let path = format!("/incidents/{act}");
    let found: IncidentDetail = Client::new(global)?.post(&path, &Note { note }).await?;
    out::answer(global.json, &found, print::incident::changed);
    Ok(())
}

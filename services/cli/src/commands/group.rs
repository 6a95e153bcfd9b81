//! `vigilo group`: targets of which only so many are reloaded at once.

use api::Items;
use api::pacing::{GroupBound, TargetGroup};
use clap::Subcommand;

use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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

pub async fn run(command: GroupCommand) -> Result<(), Failed> {
    match command {
        GroupCommand::List { global } => {
            let all: Items<TargetGroup> = Client::new(&global)?.get("/target-groups").await?;
            out::answer(global.json, all.items.as_slice(), print::pacing::groups);
        }
        GroupCommand::Set { name, at_once, global } => {
            let path = format!("/target-groups/{}", part(&name));
            let group: TargetGroup = Client::new(&global)?.put(&path, &GroupBound { at_once }).await?;
            out::answer(global.json, [group].as_slice(), print::pacing::groups);
        }
        GroupCommand::Remove { name, global } => {
            let path = format!("/target-groups/{}", part(&name));
            Client::new(&global)?.remove(&path).await?;
            out::line(format!("{name} has no bound any more"));
        }
    }
    Ok(())
}

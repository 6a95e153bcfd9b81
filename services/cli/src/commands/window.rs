//! `vigilo window`: maintenance windows by host tag, and how a window is typed.

use api::Items;
use api::pacing::TagWindows;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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

pub async fn run(command: WindowCommand) -> Result<(), Failed> {
    match command {
        WindowCommand::List { global } => {
            let all: Items<TagWindows> = Client::new(&global)?.get("/tag-windows").await?;
            out::answer(global.json, all.items.as_slice(), print::pacing::tags);
        }
        WindowCommand::Set { tag, windows, global } => {
            let windows = windows
                .iter()
                .map(|text| read(text))
                .collect::<Result<Vec<Value>, Failed>>()?;
            let path = format!("/tag-windows/{}", part(&tag));
            let set: TagWindows = Client::new(&global)?.put(&path, &json!({"windows": windows})).await?;
            out::answer(global.json, [set].as_slice(), print::pacing::tags);
        }
        WindowCommand::Remove { tag, global } => {
            Client::new(&global)?
                .remove(&format!("/tag-windows/{}", part(&tag)))
                .await?;
            out::line(format!("hosts of {tag} may be touched at any time"));
        }
    }
    Ok(())
}

/// `CRON;MINUTES[;ZONE]`, with ` / ` in place of `;` too.
pub fn read(text: &str) -> Result<Value, Failed> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_in_either_spelling() {
        let night = json!({"cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Berlin"});
        for text in ["0 22 * * 1-5;480;Europe/Berlin", "0 22 * * 1-5 / 480 / Europe/Berlin"] {
            assert_eq!(read(text).expect(text), night);
        }
        let often = json!({"cron": "*/20 * * * *", "minutes": 5, "zone": "UTC"});
        assert_eq!(read("*/20 * * * * / 5").expect("a window"), often);
        for wrong in ["", "0 22 * * *", "0 22 * * *;x", "0 22 * * *;5;UTC;more"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

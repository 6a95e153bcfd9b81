//! `vigilo run ID --follow`: the log as it grows, until the run has ended or asks a person.

use api::runs::{Line, Standing};
use domain::run::Status;
use serde::Serialize;

use crate::client::{Client, part};
use crate::failed::Failed;
use crate::sse::{Happening, Happenings};
use crate::{out, print};

/// An event as JSON for machines: its kind beside its fields.
#[derive(Serialize)]
struct Followed<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    data: T,
}

/// Succeeds when the run does.
pub async fn run(client: &Client, id: &str) -> Result<(), Failed> {
    let mut happenings = Happenings::of(client, format!("/runs/{}/log?follow=true", part(id)));
    loop {
        let happening = happenings.next().await?;
        match happening.kind.as_str() {
            "line" => line(client.json, &happening)?,
            "status" | "end" => {
                if let Some(ended) = standing(client.json, &happening)? {
                    return ended;
                }
            }
            // A kind that a later version tells.
            _ => {}
        }
    }
}

fn line(json_wanted: bool, happening: &Happening) -> Result<(), Failed> {
    let data: Line = happening.read()?;
    if json_wanted {
        out::json(&Followed { event: "line", data });
    } else {
        out::line(print::log::line(&data));
    }
    Ok(())
}

/// How the command ends, when the run has ended or asks a person.
fn standing(json_wanted: bool, happening: &Happening) -> Result<Option<Result<(), Failed>>, Failed> {
    let data: Standing = happening.read()?;
    let (status, event) = (data.status, happening.kind.as_str());
    let is_last = event == "end" || status == Status::NeedsManual;
    if json_wanted {
        out::json(&Followed { event, data });
    } else if is_last {
        out::put(&print::log::outcome(&data));
    }
    let ended = match status {
        Status::Succeeded => Ok(()),
        Status::Queued | Status::Running | Status::Failed | Status::NeedsManual | Status::Cancelled => {
            Err(Failed::Report)
        }
    };
    Ok(is_last.then_some(ended))
}

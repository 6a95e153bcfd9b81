//! `vigilo events`: what happens to runs, replayed and followed.

use clap::Args;
use serde_json::Value;

use super::client::Client;
use super::sse::Happenings;
use super::{Failed, show};

#[derive(Args)]
pub struct EventArgs {
    /// Go on with what happens, until it is interrupted
    #[arg(long)]
    follow: bool,
    /// Replay from this instant on, for example 2026-01-31T18:00:00Z; without it: everything that is kept (30 days), or with --follow only what comes
    #[arg(long)]
    since: Option<String>,
}

pub async fn run(client: &Client, args: &EventArgs) -> Result<(), Failed> {
    let mut path = format!("/events?follow={}", args.follow);
    if let Some(since) = &args.since {
        path += &format!("&since={}", since.replace('+', "%2B"));
    }
    let mut happenings = Happenings::of(client, path);
    if !args.follow {
        happenings = happenings.that_end();
    }
    while let Some(happening) = happenings.next_or_end().await? {
        if client.json {
            show::line(&happening.data.to_string());
        } else {
            show::line(&one(&happening.data));
        }
    }
    Ok(())
}

fn one(event: &Value) -> String {
    format!(
        "{:<27} {:<12} {:<8} {}  {}  {}",
        show::text(&event["at"]),
        show::text(&event["status"]),
        show::text(&event["mode"]),
        show::text(&event["run_id"]),
        show::text(&event["hostname"]),
        show::reason(event),
    )
}

//! `vigilo events`: what happens to runs, replayed and followed.

use clap::Args;
use protocol::event::RunEvent;

use crate::client::Client;
use crate::failed::Failed;
use crate::sse::Happenings;
use crate::{out, print};

#[derive(Args)]
pub struct EventArgs {
    /// Go on with what happens, until it is interrupted
    #[arg(long)]
    follow: bool,
    /// Replay from this instant on, for example 2026-01-31T18:00:00Z; without it: everything that NATS still
    /// keeps (30 days where it has room for them), or with --follow only what comes
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
        let event: RunEvent = happening.read()?;
        if client.json {
            out::json(&event);
        } else {
            out::line(print::event::event(&event));
        }
    }
    Ok(())
}

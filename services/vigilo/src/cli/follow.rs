//! `vigilo run ID --follow`: the log as it grows, until the run has ended or asks a person.

use serde_json::{Value, json};

use super::client::{Client, part};
use super::sse::{Happening, Happenings};
use super::{Failed, show};

/// Succeeds when the run does.
pub async fn run(client: &Client, id: &str) -> Result<(), Failed> {
    let mut happenings = Happenings::of(client, format!("/runs/{}/log?follow=true", part(id)));
    loop {
        let happening = happenings.next().await?;
        print(client.json, &happening);
        let asks = happening.kind == "status" && happening.data["status"] == "needs_manual";
        if !asks && happening.kind != "end" {
            continue;
        }
        if !client.json {
            outcome(&happening.data);
        }
        return if happening.data["status"] == "succeeded" {
            Ok(())
        } else {
            Err(Failed::Report)
        };
    }
}

fn print(json_wanted: bool, happening: &Happening) {
    if json_wanted {
        let mut event = json!({"event": happening.kind});
        if let (Value::Object(event), Value::Object(data)) = (&mut event, &happening.data) {
            event.extend(data.clone());
        }
        show::line(&event.to_string());
    } else if happening.kind == "line" {
        show::line(&one(&happening.data));
    }
}

/// Time, level, step, message, fields.
fn one(line: &Value) -> String {
    let mark = match line["check"].as_str() {
        Some("passed") => "✓ ",
        Some("hint") => "✗ (a hint only) ",
        Some(_) => "✗ ",
        None => "",
    };
    let fields = line["fields"].as_object().into_iter().flatten();
    let fields: String = fields
        .map(|(name, value)| format!("  {name}={}", show::text(value)))
        .collect();
    format!(
        "{:<27} {:<5} {:<11} {mark}{}{fields}",
        show::text(&line["at"]),
        show::text(&line["level"]),
        show::text(&line["step"]),
        show::text(&line["message"]),
    )
}

fn outcome(stands: &Value) {
    let (hostname, status) = (show::text(&stands["hostname"]), show::text(&stands["status"]));
    show::line(&format!("{hostname} {status}  {}", show::reason(stands)));
    if let Some(answers) = show::answers(stands) {
        show::line(&answers);
    }
}

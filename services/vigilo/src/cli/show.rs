//! What is printed, for people and for machines. A reader that closes the pipe ends the printing, nothing else.

use std::io::Write;

use serde_json::{Value, json};

use super::Failed;
use super::client::Client;

pub fn line(text: &str) {
    // A closed pipe (`vigilo runs | head`) is the reader's good right.
    let _ = writeln!(std::io::stdout(), "{text}");
}

pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub fn list(items: &[Value], json_wanted: bool, columns: impl Fn(&Value) -> String) {
    if json_wanted {
        return line(&json!(items).to_string());
    }
    for item in items {
        line(&columns(item));
    }
}

pub fn hosts(items: &[Value], json_wanted: bool) {
    list(items, json_wanted, |host| {
        format!(
            "{:<40} {:>5} {:<12} {:<9} {}",
            text(&host["hostname"]),
            text(&host["port"]),
            text(&host["status"]),
            text(&host["criticality"]),
            sight(&host["snapshot"]),
        )
    });
}

/// What was seen in one line.
pub fn sight(snapshot: &Value) -> String {
    if snapshot.is_null() {
        return "not looked at yet".to_owned();
    }
    match snapshot["probe_error"].as_str() {
        Some(error) => format!("unreachable: {error}"),
        None => format!(
            "expires in {} days  {}",
            text(&snapshot["days_until_expiry"]),
            text(&snapshot["fingerprint"])
        ),
    }
}

/// A host with what each of its addresses serves.
pub fn host(host: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&host.to_string());
    }
    line(&format!(
        "{}:{}  {}  {}  newest run: {}",
        text(&host["hostname"]),
        text(&host["port"]),
        text(&host["environment"]),
        text(&host["criticality"]),
        text(&host["status"])
    ));
    line(&format!(
        "last seen {}, looked at once in {} seconds",
        text(&host["last_seen_at"]),
        text(&host["probe_interval_seconds"])
    ));
    for seen in host["look"].as_array().into_iter().flatten() {
        one_address(seen);
    }
}

fn one_address(seen: &Value) {
    line(&format!(
        "{}  since {}  {}",
        text(&seen["dialled"]),
        text(&seen["taken_at"]),
        sight(seen)
    ));
    if !seen["probe_error"].is_null() {
        return;
    }
    let trust = match seen["chain_problem"].as_str() {
        Some(problem) => format!("not trusted: {problem}"),
        None => "trusted".to_owned(),
    };
    let facts = [
        ("subject", named_or_none(&seen["subject"])),
        (
            "names",
            seen["sans"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("issuer", text(&seen["issuer"])),
        ("serial", text(&seen["serial"])),
        (
            "valid",
            format!("{} to {}", text(&seen["not_before"]), text(&seen["not_after"])),
        ),
        (
            "key",
            format!(
                "{} {} bits, {}",
                text(&seen["key_type"]),
                text(&seen["key_bits"]),
                text(&seen["signature_algorithm"])
            ),
        ),
        (
            "chain",
            format!(
                "{} certificates, {trust}",
                seen["chain_fingerprints"].as_array().map_or(0, Vec::len)
            ),
        ),
        (
            "spoken",
            format!("{} {}", text(&seen["protocol"]), text(&seen["cipher"])),
        ),
    ];
    for (name, value) in facts {
        line(&format!("    {name:<8} {value}"));
    }
}

/// CAs leave the subject empty more and more: the names stand in the extension.
fn named_or_none(subject: &Value) -> String {
    let said = subject.as_str().filter(|said| !said.is_empty());
    said.unwrap_or("–").to_owned()
}

pub fn policies(items: &[Value], json_wanted: bool) {
    list(items, json_wanted, |policy| {
        let targets = policy["targets"].as_array().map_or(0, Vec::len);
        format!(
            "{:<40} {:<12} {:<12} {:<8} {targets} target(s)",
            text(&policy["hostname"]),
            text(&policy["status"]),
            text(&policy["provider"]),
            text(&policy["key_algorithm"]),
        )
    });
}

pub fn runs(answer: &Value, json_wanted: bool) {
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    list(&items, json_wanted, |run| {
        let (id, status, step) = (text(&run["id"]), text(&run["status"]), text(&run["step"]));
        format!(
            "{id}  {status:<12} {step:<12} {:<8} {}  {}",
            text(&run["mode"]),
            text(&run["hostname"]),
            reason(run)
        )
    });
}

/// Why a run stands where it stands: its question, its failure, or what it waits for.
pub fn reason(run: &Value) -> String {
    let because = &run["because"]["failure"];
    let said = [&run["question"], &run["failure"], because]
        .into_iter()
        .find(|said| said.is_object());
    match said {
        Some(said) => format!(
            "{} {}. {}",
            text(&said["code"]),
            text(&said["what"]),
            text(&said["hint"])
        ),
        None => {
            let said = [&run["held"], &run["waits_for"]];
            said.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
        }
    }
}

pub async fn run(client: &Client, id: &str, exchange: bool) -> Result<(), Failed> {
    let mut run = client.get(&format!("/runs/{id}")).await?;
    if exchange {
        run["exchange"] = client.get(&format!("/runs/{id}/exchange")).await?["items"].clone();
    }
    if client.json {
        line(&run.to_string());
        return Ok(());
    }
    whole(&run);
    for exchange in run["exchange"].as_array().into_iter().flatten() {
        let (method, url) = (text(&exchange["method"]), text(&exchange["url"]));
        line(&format!(
            "{} {method} {url} → {} ({} ms)",
            text(&exchange["at"]),
            exchange["status"],
            exchange["took_ms"]
        ));
        line(&format!(
            "    > {}\n    < {}",
            text(&exchange["request"]),
            text(&exchange["response"])
        ));
    }
    Ok(())
}

/// A run with its steps and checks, and what a rehearsal leaves open.
pub fn whole(run: &Value) {
    head(run);
    history(run);
    let open = run["cannot_know"].as_array().into_iter().flatten();
    for (index, one) in open.enumerate() {
        if index == 0 {
            line("what a rehearsal cannot know:");
        }
        line(&format!("       ? {}", text(one)));
    }
    if run["mode"] == "dry_run" {
        line(&format!(
            "what was said to the CA: vigilo run {} --exchange",
            text(&run["id"])
        ));
    }
}

fn head(run: &Value) {
    let mode = text(&run["mode"]);
    line(&format!(
        "run {}  {}  {mode}  {}",
        text(&run["id"]),
        text(&run["hostname"]),
        text(&run["status"])
    ));
    line(&format!(
        "asked for by {} ({}) at {}",
        text(&run["operator"]),
        text(&run["trigger"]),
        text(&run["created_at"])
    ));
    choice(run);
    if let Some(job) = run["job_id"].as_str() {
        line(&format!("of job {job}: vigilo job show {job}"));
    }
    if let Some(due) = run["why_now"].as_str() {
        line(&format!("due: {due}"));
    }
    let why = reason(run);
    if !why.is_empty() {
        line(&format!("why it stands here: {why}"));
    }
    if let Some(code) = [&run["question"], &run["failure"]]
        .into_iter()
        .find_map(|said| said["code"].as_str())
    {
        line(&format!("more on it: vigilo explain {code}"));
    }
    if let Some(answers) = answers(run) {
        line(&answers);
    }
}

/// Who issues and why, and who does not and why not.
fn choice(run: &Value) {
    let chosen = &run["choice"];
    line(&format!("provider {}: {}", named(chosen), text(&chosen["why"])));
    for one in chosen["lost"].as_array().into_iter().flatten() {
        let price = domain::price::shown(one["cost_micro_usd"].as_u64());
        line(&format!("    not {} ({price}): {}", named(one), text(&one["because"])));
    }
    for one in run["fallbacks"].as_array().into_iter().flatten() {
        line(&format!("    then {}: {}", named(one), text(&one["why"])));
    }
    for one in run["turned"].as_array().into_iter().flatten() {
        let (at, code, what) = (
            text(&one["at"]),
            text(&one["failure"]["code"]),
            text(&one["failure"]["what"]),
        );
        line(&format!("    turned to the next at {at}: {code} {what}"));
    }
}

/// By its id; without one by its directory.
fn named(provider: &Value) -> String {
    let by = ["id", "directory_url", "provider"];
    let name = by.into_iter().find_map(|field| provider[field].as_str());
    name.unwrap_or("–").to_owned()
}

/// What a person may say to a run that asks.
pub fn answers(run: &Value) -> Option<String> {
    let words: Vec<String> = run["question"]["answers"].as_array()?.iter().map(text).collect();
    let (words, id) = (words.join(" | "), text(&run["id"]));
    Some(format!("what you can answer: vigilo {words} {id}"))
}

/// Who did what to it, in the order of time with the steps.
fn one_act(act: &Value) {
    let note = act["note"].as_str().filter(|note| !note.is_empty());
    let why = note.map_or_else(String::new, |note| format!(": {note}"));
    line(&format!(
        "   • {} {} by {}{why}",
        text(&act["at"]),
        text(&act["verb"]),
        text(&act["by"])
    ));
}

/// Steps and acts, oldest first; a step counts from its end.
fn history(run: &Value) {
    let mut acts = run["acts"].as_array().into_iter().flatten().peekable();
    for step in run["steps"].as_array().into_iter().flatten() {
        while let Some(act) = acts.next_if(|act| act["at"].as_str() < step["ended_at"].as_str()) {
            one_act(act);
        }
        one_step(step);
    }
    acts.for_each(one_act);
}

fn one_step(step: &Value) {
    let number = text(&step["attempt"]);
    line(&format!(
        "{number:>3}. {:<12} {:<8} {}",
        text(&step["step"]),
        text(&step["outcome"]),
        text(&step["summary"])
    ));
    for check in step["checks"].as_array().into_iter().flatten() {
        let mark = match (check["passed"] == true, check["advisory"] == true) {
            (true, _) => "✓",
            (false, false) => "✗",
            (false, true) => "✗ (a hint only)",
        };
        line(&format!(
            "       {mark} {}: {}",
            text(&check["name"]),
            text(&check["evidence"])
        ));
    }
    for said in step["log"].as_array().into_iter().flatten() {
        let fields = said["fields"].as_object();
        let fields: Vec<String> = fields
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", text(value)))
            .collect();
        line(&format!(
            "       {} {} {} {}",
            text(&said["at"]),
            text(&said["level"]),
            text(&said["message"]),
            fields.join(" ")
        ));
    }
}

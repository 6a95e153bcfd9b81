//! One run on the terminal: where it stands and why, what it does next, what can be done, and its history.

use serde_json::Value;

use super::{line, text};
use crate::cli::Failed;
use crate::cli::client::{Client, part};

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
    let mut run = client.get(&format!("/runs/{}", part(id))).await?;
    if exchange {
        run["exchange"] = client.get(&format!("/runs/{}/exchange", part(id))).await?["items"].clone();
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
    for said in [failing(run), next_try(run), answers(run)].into_iter().flatten() {
        line(&said);
    }
}

/// How long its present step has been failing.
fn failing(run: &Value) -> Option<String> {
    let since = run["failing_since"].as_str()?;
    let waits = matches!(run["status"].as_str()?, "running" | "needs_manual");
    waits.then(|| format!("this step has failed {} times since {since}", run["failures"]))
}

/// What it does by itself, and when.
fn next_try(run: &Value) -> Option<String> {
    let until = run["until"].as_str()?;
    match (run["status"].as_str()?, run["because"].as_str()) {
        ("needs_manual", _) => Some(format!("unless a person answers, it tries again by itself at {until}")),
        (_, Some("retry")) => Some(format!("it tries again by itself at {until}")),
        (_, Some("resting")) => Some(format!("it looks again at {until}")),
        (_, Some("planned")) => Some(format!("it begins at {until}")),
        (_, _) => None,
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

/// What a person may say to a run that asks, or do about one that failed.
pub fn answers(run: &Value) -> Option<String> {
    let id = text(&run["id"]);
    if run["status"] == "failed" && run["mode"] == "live" {
        return Some(format!("when it is mended: vigilo retry {id}"));
    }
    let words: Vec<String> = run["question"]["answers"].as_array()?.iter().map(text).collect();
    Some(format!("what you can answer: vigilo {} {id}", words.join(" | ")))
}

/// Who did what, when and why.
pub fn one_act(act: &Value) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_run_does_by_itself_is_said_with_its_time() {
        for (status, because, says) in [
            ("running", json!("retry"), Some("it tries again by itself at T")),
            ("running", json!("resting"), Some("it looks again at T")),
            ("queued", json!("planned"), Some("it begins at T")),
            (
                "needs_manual",
                Value::Null,
                Some("unless a person answers, it tries again by itself at T"),
            ),
            ("running", json!("working"), None),
            ("queued", json!("turn"), None),
        ] {
            let run = json!({"status": status, "because": because, "until": "T"});
            assert_eq!(next_try(&run).as_deref(), says, "{run}");
        }
        assert_eq!(next_try(&json!({"status": "needs_manual", "until": null})), None);
    }

    #[test]
    fn how_long_a_step_has_been_failing_is_said_while_the_run_is_not_through() {
        let run = |status: &str| json!({"status": status, "failures": 3, "failing_since": "T"});
        let says = "this step has failed 3 times since T";
        for status in ["running", "needs_manual"] {
            assert_eq!(failing(&run(status)).as_deref(), Some(says));
        }
        assert_eq!(failing(&run("failed")), None);
        assert_eq!(failing(&json!({"status": "running", "failures": 0})), None);
    }

    #[test]
    fn what_a_person_can_do_is_said_as_it_is_typed() {
        let asks = json!({"id": "7", "status": "needs_manual", "question": {"answers": ["resume", "cancel"]}});
        assert_eq!(
            answers(&asks).as_deref(),
            Some("what you can answer: vigilo resume | cancel 7")
        );
        let failed = |mode: &str| json!({"id": "7", "status": "failed", "mode": mode});
        assert_eq!(
            answers(&failed("live")).as_deref(),
            Some("when it is mended: vigilo retry 7")
        );
        assert_eq!(answers(&failed("dry_run")), None);
    }
}

//! What is printed, for people and for machines. A reader that closes the pipe ends the printing, nothing else.

mod one_run;

use std::io::Write;

use serde_json::{Value, json};

pub use one_run::{answers, one_act, reason, run, whole};

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
    list(items, json_wanted, policy);
}

/// When it renews itself comes last, with the reason: that has no width of its own.
fn policy(policy: &Value) -> String {
    let targets = policy["targets"].as_array().map_or(0, Vec::len);
    format!(
        "{:<40} {:<12} {:<12} {:<8} {targets} target(s)  due {:<20}  {}",
        text(&policy["hostname"]),
        text(&policy["status"]),
        text(&policy["provider"]),
        text(&policy["key_algorithm"]),
        text(&policy["due_at"]),
        text(&policy["due_why"]),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_when_it_is_due_and_why() {
        let mut shown = json!({
            "hostname": "www.example.org", "status": "idle", "provider": "letsencrypt", "key_algorithm": "p256",
            "targets": [{}], "due_at": "2026-12-01T00:00:00Z", "due_why": "a third of its life is left",
        });
        assert!(policy(&shown).ends_with("1 target(s)  due 2026-12-01T00:00:00Z  a third of its life is left"));
        (shown["due_at"], shown["due_why"]) = (Value::Null, json!("it is renewed by hand"));
        assert!(policy(&shown).ends_with("due –                     it is renewed by hand"));
    }
}

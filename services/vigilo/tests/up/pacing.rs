//! What paces the runs, on the command line: set, listed, refused, taken away.

use std::process::Stdio;

use serde_json::Value;

use crate::world::Up;

/// What a command printed, which must have worked.
fn said(up: &Up, args: &[&str]) -> String {
    let output = up.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.expect("the binary runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The items of a list, as machines get them.
fn json(up: &Up, args: &[&str]) -> Vec<Value> {
    let text = said(up, &[args, &["--json"]].concat());
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    let items = listed.as_array().or_else(|| listed["items"].as_array());
    items.cloned().unwrap_or_else(|| panic!("no list: {listed}"))
}

/// What the API refused, in words for people.
fn refused(up: &Up, args: &[&str]) -> String {
    let output = up
        .command(args)
        .stderr(Stdio::piped())
        .output()
        .expect("the binary runs");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{args:?}: {complaint}");
    complaint
}

#[test]
fn what_paces_the_runs_is_set_listed_and_taken_away() {
    let up = Up::new();
    limits(&up);
    groups_and_windows(&up);
    providers(&up);
}

fn limits(up: &Up) {
    let known = json(up, &["limits", "list"]).len();
    let set = ["limits", "set", "example.orders", "--burst", "7"];
    refused(up, &set);
    let whole = [
        &set[..],
        &["--directory-url", "https://ca.example.org/dir", "--scope", "account"],
        &[
            "--title",
            "orders",
            "--period-seconds",
            "36",
            "--last-verified",
            "2026-11-24",
        ],
    ];
    said(up, &whole.concat());
    said(up, &["limits", "set", "example.orders", "--enabled", "false"]);
    let limits = json(up, &["limits", "list"]);
    let ours = limits
        .iter()
        .find(|limit| limit["id"] == "example.orders")
        .expect("ours");
    assert_eq!(limits.len(), known + 1);
    assert_eq!(
        (&ours["burst"], &ours["enabled"]),
        (&Value::from(7), &Value::from(false)),
        "{ours}"
    );
    assert!(said(up, &["limits", "list"]).contains("(off)"));
}

fn groups_and_windows(up: &Up) {
    assert!(said(up, &["group", "set", "edge-lb", "2"]).contains("2 at once"));
    assert!(refused(up, &["group", "set", "Edge LB", "2"]).contains("target group"));
    assert_eq!(json(up, &["group", "list"])[0]["at_once"], 2);
    said(up, &["group", "remove", "edge-lb"]);
    assert!(json(up, &["group", "list"]).is_empty());

    let night = "0 22 * * 1-5;480;Europe/Berlin";
    said(up, &["window", "set", "edge", "--window", night]);
    assert_eq!(json(up, &["window", "list"])[0]["windows"][0]["zone"], "Europe/Berlin");
    let nowhere = ["window", "set", "edge", "--window", "0 22 * * *;60;Europe/Atlantis"];
    assert!(refused(up, &nowhere).contains("Atlantis"));
    assert!(refused(up, &["window", "set", "edge", "--window", "tonight"]).contains("CRON;MINUTES;ZONE"));
    said(up, &["window", "remove", "edge"]);
    assert!(json(up, &["window", "list"]).is_empty());
}

fn providers(up: &Up) {
    let ours = [
        "provider",
        "add",
        "inhouse",
        "--directory-url",
        "https://ca.example.org/dir",
        "--price-usd",
        "0.15",
    ];
    said(up, &ours);
    assert!(said(up, &["provider", "show", "inhouse"]).contains("ca.example.org"));
    said(up, &["provider", "set", "inhouse", "--price-usd", "7", "--disable"]);
    let listed = json(up, &["provider", "list"]);
    let inhouse = listed.iter().find(|one| one["id"] == "inhouse").expect("ours");
    assert_eq!(inhouse["enabled"], false, "{inhouse}");
    assert_eq!(inhouse["price"]["micro_usd"], 7_000_000, "{inhouse}");
    refused(up, &["provider", "prefer", "nobody"]);
    said(up, &["provider", "prefer", "letsencrypt"]);
    said(up, &["provider", "forget", "inhouse"]);
    assert!(json(up, &["provider", "list"]).iter().all(|one| one["id"] != "inhouse"));
}

//! A change of the wire fails, and a build that must not write leaves everything as it is.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::kept::goes_out;

/// Set for the child of these tests only.
const DRIFTED: &str = "VIGILO_TEST_DRIFTED_WIRE";

/// What is accepted under this name, and what waits to be.
fn accepted_and_waiting(name: &str) -> [Option<String>; 2] {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    [".snap", ".snap.new"].map(|ending| std::fs::read_to_string(directory.join(format!("{name}{ending}"))).ok())
}

/// What `INSTA_UPDATE=no` means, which is what a build runs with (`.cargo/config.toml`): no change
/// is accepted by the way. The test runs itself again, as the program that sends something else
/// under this name.
fn fails_and_writes_nothing(test: &str, name: &str) {
    let before = accepted_and_waiting(name);
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("drift::{test}")])
        .env(DRIFTED, "1")
        .env("INSTA_UPDATE", "no")
        .env_remove("INSTA_FORCE_PASS")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("1 failed"), "it must fail: {said}");
    assert!(
        said.contains(&format!("snapshot assertion for '{name}' failed")),
        "it failed of something else: {said}"
    );
    assert_eq!(accepted_and_waiting(name), before);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the helper of a test is told by its environment what to do"
)]
fn is_the_child() -> bool {
    std::env::var_os(DRIFTED).is_some()
}

#[test]
fn a_message_that_differs_from_its_snapshot_fails() {
    let name = "answer-done";
    if is_the_child() {
        return goes_out(name, &json!({ "answer": "done", "run": "renamed" }));
    }
    fails_and_writes_nothing("a_message_that_differs_from_its_snapshot_fails", name);
    assert!(accepted_and_waiting(name)[0].is_some());
}

#[test]
fn a_message_without_a_snapshot_fails() {
    let name = "a-kind-that-nobody-accepted";
    if is_the_child() {
        return goes_out(name, &json!({}));
    }
    fails_and_writes_nothing("a_message_without_a_snapshot_fails", name);
    assert_eq!(accepted_and_waiting(name), [None, None]);
}

//! `cargo xtask test`: every check, in the order in which a failure is cheapest.
//!
//! In: the workspace. Out: each step announced with its time; the first failing one ends it. Never: a skipped test.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::{rules, setup, sources, supply};

/// # Errors
/// If a step fails; the later ones do not run.
pub fn run() -> Result<()> {
    step("setup", setup::run)?;
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("import rules", rules::run)?;
    step("rules of the sources", sources::run)?;
    step("licences, versions and sources of crates", supply::run)?;
    step("lints", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
    })?;
    // The stories start the binary, which cargo builds for no test of another crate.
    step("binary", || cargo(&["build", "--package", "vigilo"]))?;
    step("tests", || cargo(&["test", "--workspace", "--no-fail-fast"]))
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("xtask: {name} …");
    let begun = Instant::now();
    let outcome = work().with_context(|| format!("step `{name}` failed"));
    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
    eprintln!("xtask: {name} {verdict} ({:.1} s)", begun.elapsed().as_secs_f64());
    outcome
}

/// Runs this toolchain's cargo; what it prints goes through unchanged.
fn cargo(args: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    // The queries are checked against the data in the repository, also where a database happens to be configured.
    command
        .args(args)
        .current_dir(rules::workspace_root())
        .env("SQLX_OFFLINE", "true")
        .env_remove("DATABASE_URL");
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "`cargo {}` ended with {status}", args.join(" "));
    Ok(())
}

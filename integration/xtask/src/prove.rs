//! `cargo xtask prove`: what takes longer than the ordinary tests allow.
//!
//! In: how long. Out: nothing, or the first thing that does not hold. Never: another toolchain than the stable one.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::{rules, setup};

#[derive(Args)]
pub struct ProveArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Feeds every parser of what others send with mutants of the seeds in `<crate>/seeds`
    Fuzz(FuzzArgs),
    /// Installs the servers of the deployer's presets, and renews at each: what is broken is refused, what is new is served (as root)
    Presets,
}

#[derive(Args)]
struct FuzzArgs {
    /// Inputs for each parser
    #[arg(long, default_value_t = 200_000)]
    rounds: u64,
    /// Where the numbers begin: another one gives other inputs
    #[arg(long, default_value_t = 1)]
    begin: u64,
}

/// The crates with parsers of what others send; the tests of all are in a module of this name.
const CRATES: [&str; 8] = [
    "domain",
    "protocol",
    "custody",
    "issuer",
    "deployer",
    "verifier",
    "vigilo-console",
    "cli",
];
const TESTS: &str = "fuzz::";

/// # Errors
/// When an input breaks a parser: it is kept as a seed and named.
pub fn run(args: &ProveArgs) -> Result<()> {
    match &args.what {
        What::Fuzz(args) => fuzz(args),
        What::Presets => presets(),
    }
}

fn presets() -> Result<()> {
    setup::servers_of_presets()?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--package", "deployer", "--test", "deployer", "--"]);
    command.args([
        "--ignored",
        "--exact",
        "presets::every_preset_works_on_its_real_server",
        "--nocapture",
    ]);
    command
        .current_dir(rules::workspace_root())
        .env("SQLX_OFFLINE", "true")
        .env_remove("DATABASE_URL");
    let status = command.status().context("starting cargo test")?;
    ensure!(status.success(), "a preset does not work on its real server");
    Ok(())
}

fn fuzz(args: &FuzzArgs) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.arg("test").current_dir(rules::workspace_root());
    for name in CRATES {
        command.args(["--package", name]);
    }
    command
        .args(["--no-fail-fast", "--", TESTS])
        .env("SQLX_OFFLINE", "true")
        .env_remove("DATABASE_URL")
        .env("VIGILO_FUZZ_ROUNDS", args.rounds.to_string())
        .env("VIGILO_FUZZ_BEGIN", args.begin.to_string());
    let status = command.status().context("starting cargo test")?;
    ensure!(
        status.success(),
        "an input breaks a parser; it lies in the seeds of its crate now (git status), and stays there when it is mended"
    );
    Ok(())
}

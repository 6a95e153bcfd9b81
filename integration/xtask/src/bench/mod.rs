//! `cargo xtask bench`: speed and cost, against real servers.
//!
//! In: what is to be measured, and how much of it. Out: JSON as the last line. Never: a figure of a debug build.

mod drain;
mod fleet;
mod hang;
mod plan;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use integration::fleet::choose_vigilo;

use crate::{demo, rules, setup};

#[derive(Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
    /// Measures this program instead of a new build of vigilo: to compare two of them
    #[arg(long, global = true, value_name = "FILE")]
    vigilo: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    #[command(flatten)]
    OnServers(OnServers),
    /// Signs and checks messages of several sizes: what do signed orders cost?
    Signatures,
    /// Looks at a server on this machine: what does a further look cost, and what of it is cryptography?
    Looks,
}

#[derive(Subcommand)]
enum OnServers {
    /// Renews a fleet end to end, then issues as many certificates by a bare client
    Fleet(fleet::FleetArgs),
    /// Carries out queued runs with workers that answer at once: what does one cost when many wait?
    Drain(drain::DrainArgs),
    /// Carries out queued runs of which a tenth hangs: by how much are the others late?
    Hang(hang::HangArgs),
    /// Plans and commits a bulk renewal of many hosts; none of its runs is carried out
    Plan(plan::PlanArgs),
}

pub fn run(args: &BenchArgs) -> Result<()> {
    match &args.what {
        What::OnServers(what) => on_servers(what, args.vigilo.as_deref()),
        What::Signatures => example("bus", "signature_cost"),
        What::Looks => example("verifier", "look_cost"),
    }
}

fn on_servers(what: &OnServers, vigilo: Option<&Path>) -> Result<()> {
    setup::run()?;
    eprintln!("bench: building in release (the first time takes some minutes)");
    let binaries = release_directory()?;
    // The bare client and the null workers are programs of `integration`.
    let (vigilo, packages) = match vigilo {
        Some(built) => {
            let found = built.canonicalize();
            let found = found.with_context(|| format!("--vigilo {}", built.display()))?;
            (found, &["integration"][..])
        }
        None => (binaries.join("vigilo"), &["integration", "vigilo"][..]),
    };
    demo::build(packages, &["--release"])?;
    choose_vigilo(vigilo);
    let runtime = tokio::runtime::Runtime::new()?;
    let report = match what {
        OnServers::Fleet(args) => runtime.block_on(fleet::measure(args, &binaries))?,
        OnServers::Drain(args) => runtime.block_on(drain::measure(args, &binaries))?,
        OnServers::Hang(args) => runtime.block_on(hang::measure(args, &binaries))?,
        OnServers::Plan(args) => runtime.block_on(plan::measure(args))?,
    };
    println!("{report}");
    Ok(())
}

/// It needs no server, and nothing but the crate that is measured.
fn example(package: &str, name: &str) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--release", "--package", package, "--example", name]);
    let status = command.current_dir(rules::workspace_root()).status();
    let status = status.context("starting cargo")?;
    ensure!(status.success(), "the measurement ended with {status}");
    Ok(())
}

/// Beside the directory of the profile that this program was built with.
fn release_directory() -> Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let target = own.ancestors().nth(2).context("finding the target directory")?;
    Ok(target.join("release"))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

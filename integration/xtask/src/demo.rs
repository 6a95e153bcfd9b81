//! `cargo xtask demo`: a whole estate renewed before your eyes, on real servers.
//!
//! In: how many hosts. Out: for each host the fingerprint served before and after, read by a handshake that does not
//! use our verifier, and an exit code that says whether every host serves its new certificate.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use domain::run::Status;
use integration::api::served;
use integration::estate::{Estate, Served};
use integration::fleet::Up;
use serde::Serialize;
use serde_json::json;
use testkit::{Serving, run_dir};

use crate::{rules, setup};

#[derive(Args)]
pub struct DemoArgs {
    /// How many TLS hosts nginx serves
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=500))]
    hosts: u16,
    /// End after the renewal; status 0 only if every host serves its new certificate
    #[arg(long)]
    exit: bool,
    /// Print the result as JSON in the last line
    #[arg(long)]
    json: bool,
}

pub fn run(args: &DemoArgs) -> Result<()> {
    setup::run()?;
    eprintln!("demo: building vigilo (the first time takes some minutes)");
    build(&["vigilo"], &[])?;
    tokio::runtime::Runtime::new()?.block_on(show(args))
}

/// Builds the programs of these packages beside this one, from the checked-in query data. In one go: one after the other, what
/// they share is built twice when they want other features of it.
pub fn build(packages: &[&str], profile: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--bins"])
        .args(profile)
        .args(packages.iter().flat_map(|name| ["--package", name]))
        .current_dir(rules::workspace_root());
    let status = command
        .env("SQLX_OFFLINE", "true")
        .env_remove("DATABASE_URL")
        .status()
        .context("starting cargo")?;
    ensure!(
        status.success(),
        "the build of {} ended with {status}",
        packages.join(" and ")
    );
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn show(args: &DemoArgs) -> Result<()> {
    let hosts = usize::from(args.hosts);
    eprintln!("demo: starting Pebble, nginx with {hosts} old certificates, and `vigilo up`");
    let estate = Estate::start(hosts, 1, Serving::PerHost).await?;
    let up = Up::start(&estate).await?;
    let before = estate.served().await?;
    import(&up, "host", &estate.hosts())?;
    import(&up, "policy", &estate.policies())?;
    let began = Instant::now();
    // Its exit code is not asked: what counts is what is served afterwards.
    up.command(&["renew", "--all", "--wait", "--timeout", "600"])?
        .status()
        .context("starting vigilo renew")?;
    let seconds = began.elapsed().as_secs_f64();
    let succeeded = up.api.counts().await?[Status::Succeeded];
    let expected = expected(&up).await?;
    let after = settled(&estate, &expected).await?;
    let served_new = table(&before, &after, &expected);
    eprintln!(
        "demo: {succeeded} of {hosts} runs succeeded, {served_new} hosts serve their new certificate, {seconds:.1} s"
    );
    let good = served_new == hosts;
    if !args.exit {
        eprintln!("demo: the API stays up until Ctrl-C; to look around, in another terminal:");
        eprintln!("  export VIGILO_URL={} VIGILO_TOKEN={}", up.url, up.token);
        eprintln!("  {} runs", integration::fleet::vigilo()?.display());
        tokio::signal::ctrl_c().await?;
    }
    up.peer.stop().await?;
    if args.json {
        let seconds = (seconds * 1000.0).round() / 1000.0;
        println!(
            "{}",
            json!({"hosts": hosts, "succeeded": succeeded, "served_new": served_new, "seconds": seconds})
        );
    }
    ensure!(
        good,
        "{} of {hosts} hosts do not serve a new certificate",
        hosts - served_new
    );
    Ok(())
}

fn import(up: &Up, noun: &str, items: &[impl Serialize]) -> Result<()> {
    let file = run_dir::fresh("import", None)?.join("items.json");
    run_dir::write(&file, &serde_json::to_string(items)?, None)?;
    let path = file.display().to_string();
    let status = up
        .command(&[noun, "import", &path])?
        .stdout(Stdio::inherit())
        .status()?;
    ensure!(status.success(), "`vigilo {noun} import` ended with {status}");
    Ok(())
}

/// What every host serves, given a moment: after a reload an old worker of nginx may take a last connection.
async fn settled(estate: &Estate, expected: &BTreeSet<String>) -> Result<Vec<Served>> {
    let all_new = async || {
        let served = estate.served().await.ok()?;
        served
            .iter()
            .all(|host| expected.contains(&host.fingerprint))
            .then_some(served)
    };
    match testkit::wait::until(
        "every host to serve its new certificate",
        Duration::from_secs(5),
        all_new,
    )
    .await
    {
        Ok(served) => Ok(served),
        Err(_) => estate.served().await,
    }
}

/// The fingerprints that the runs say they installed.
async fn expected(up: &Up) -> Result<BTreeSet<String>> {
    let hosts = up.api.hosts().await?;
    Ok(hosts.iter().filter_map(served).map(str::to_owned).collect())
}

/// Prints before and after of each host; counts those that changed to what was issued.
fn table(before: &[Served], after: &[Served], expected: &BTreeSet<String>) -> usize {
    let mut new = 0;
    for (before, after) in before.iter().zip(after) {
        let good = before.fingerprint != after.fingerprint && expected.contains(&after.fingerprint);
        new += usize::from(good);
        let mark = if good { "✓" } else { "✗" };
        let short = |fingerprint: &str| fingerprint.get(..16).unwrap_or(fingerprint).to_owned();
        let (old, now) = (short(&before.fingerprint), short(&after.fingerprint));
        eprintln!("  {mark} {:<28} before {old}…  after {now}…", after.hostname);
    }
    new
}

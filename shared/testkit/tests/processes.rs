//! Foreign processes start clean, fail with their own words, and do not outlive the tests.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::process::{Peer, Spec};
use testkit::ready::Ready;
use testkit::{run_dir, wait};

const SOON: Duration = Duration::from_secs(10);
const SAID: &str = "I am here";

fn shell(script: &str) -> Result<Spec> {
    let directory = run_dir::fresh("shell", None)?;
    Ok(Spec::new("shell", "/bin/sh", &directory, Ready::LogLine(SAID)).args(["-c", script]))
}

#[tokio::test]
async fn a_process_that_ends_at_its_start_is_reported_with_its_last_words() -> Result<()> {
    let failed = Peer::start(shell("echo no such key: colour >&2; exit 64")?).await;
    let said = failed.expect_err("it exits 64").to_string();
    assert!(
        said.contains("exit status: 64") && said.contains("no such key: colour"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_process_sees_none_of_our_environment_but_what_it_is_given() -> Result<()> {
    let spec = shell(&format!("env; echo '{SAID}'; exec sleep 60"))?.env("COLOUR", "blue");
    let log = Peer::start(spec).await?.log();
    assert!(log.contains("COLOUR=blue") && log.contains("TZ=UTC"), "{log}");
    assert!(!log.contains("CARGO"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_dropped_peer_is_gone_with_its_children() -> Result<()> {
    let spec = shell(&format!("sleep 60 & echo $!; echo '{SAID}'; trap '' TERM; wait; wait"))?;
    let peer = Peer::start(spec).await?;
    let child = peer.log().lines().next().context("the child's number")?.to_owned();
    assert!(runs(&child));
    drop(peer);
    wait::until("the child's end", SOON, async || (!runs(&child)).then_some(())).await
}

#[tokio::test]
async fn a_killed_peer_starts_again_and_waits_for_its_new_words() -> Result<()> {
    let peer = Peer::start(shell(&format!("echo '{SAID}'; exec sleep 60"))?).await?;
    assert!(peer.start_again().await.is_err(), "it still runs");
    peer.kill_hard()?;
    assert!(peer.exited()?.is_some());
    peer.start_again().await?;
    assert_eq!(peer.log().matches(SAID).count(), 2);
    assert_eq!(peer.log_since_start().matches(SAID).count(), 1);
    Ok(())
}

/// Run by the next test in a process of its own, which is then killed. By itself it does nothing.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the helper of a test is told by its environment what to do"
)]
async fn start_a_server_and_stay() -> Result<()> {
    let Some(place) = std::env::var_os("TESTKIT_STAY") else {
        return Ok(());
    };
    let nginx = testkit::NginxHosts::start(["a.example.test"], testkit::Serving::PerHost).await?;
    let postgres = testkit::Postgres::start().await?;
    let pids = format!("{}\n{}\n", nginx.peer().pid(), postgres.peer().pid());
    let draft = Path::new(&place).with_extension("draft");
    std::fs::write(&draft, pids)?;
    std::fs::rename(&draft, &place)?;
    std::future::pending().await
}

#[tokio::test]
async fn servers_die_with_a_test_process_that_is_killed() -> Result<()> {
    let place = run_dir::fresh("stay", None)?.join("pids");
    let mut tests = Command::new(std::env::current_exe()?)
        .args(["--exact", "start_a_server_and_stay"])
        .env("TESTKIT_STAY", &place)
        .stdout(Stdio::null())
        .spawn()?;
    let pids = wait::until("the servers", SOON * 3, async || std::fs::read_to_string(&place).ok()).await;
    tests.kill()?;
    tests.wait()?;
    let pids = pids?;
    assert_eq!(pids.lines().count(), 2);
    wait::until("the servers' end", SOON, async || {
        (!pids.lines().any(runs)).then_some(())
    })
    .await
}

/// A zombie whose parent does not collect it does not run.
fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains(['Z', 'X']))
}

//! Hosts are looked at by themselves: what is new is kept, what is not only moves the time, and nobody waits for the
//! interval who asks.

use anyhow::{Context, Result, bail, ensure};
use api::hosts::{AddressState, HostDetail, Served, Snapshot};
use integration::Estate;
use integration::fleet::Up;
use serde_json::json;
use testkit::{pki, run_dir};

use crate::world::{SOON, estate};

/// An estate whose hosts are looked at so often, and no policy.
async fn watched(hosts: usize, seconds: u32) -> Result<(Estate, Up)> {
    let estate = estate(hosts).await?;
    let up = Up::start(&estate).await?;
    let mut all = estate.hosts();
    for host in &mut all {
        host.probe_interval_seconds = seconds;
    }
    up.api.import("hosts", &all).await?;
    Ok((estate, up))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_is_looked_at_by_itself_and_what_stays_the_same_is_kept_once() -> Result<()> {
    let (estate, up) = watched(3, 1).await?;
    for served in estate.served().await? {
        let host = up.api.shows(&served.hostname, was_looked_at, SOON).await?;
        let seen = seen(&host)?;
        ensure!(seen.leaf.fingerprint.as_str() == served.fingerprint, "{host:?}");
        ensure!(seen.days_until_expiry == 9, "{host:?}");
        for _ in 0..2 {
            let before = up.api.host(&served.hostname).await?.host.last_seen_at;
            let is_later = |host: &HostDetail| host.host.last_seen_at != before;
            up.api.shows(&served.hostname, is_later, SOON).await?;
        }
        let kept = up.api.snapshots(&served.hostname).await?;
        ensure!(kept.len() == 1 && host.look.len() == 1, "{kept:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_replaced_by_hand_is_seen_by_who_checks_now() -> Result<()> {
    let (estate, up) = watched(1, 604_800).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    let first = up.api.shows(&hostname, was_looked_at, SOON).await?;

    let (files, other) = (estate.nginx.files(&hostname), pki::about_to_expire(&hostname)?);
    run_dir::write(&files.chain, &other.chain_pem, None)?;
    run_dir::write(&files.key, &other.key_pem, None)?;
    let served = estate.served().await?[0].fingerprint.clone();
    ensure!(seen(&first)?.leaf.fingerprint.as_str() != served);

    let checked = up.command(&["host", "check", &hostname, "--json"])?.output()?;
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let checked: HostDetail = serde_json::from_slice(&checked.stdout)?;
    ensure!(seen(&checked)?.leaf.fingerprint.as_str() == served, "{checked:?}");
    ensure!(up.api.snapshots(&hostname).await?.len() == 2);

    let absent = up.api.answer_to_post("/hosts/no.such.host/check", &json!({})).await?;
    ensure!(absent.status == 404, "{absent:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_shows_why_and_then_its_recovery() -> Result<()> {
    let (estate, up) = watched(1, 1).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    up.api.shows(&hostname, |host| seen(host).is_ok(), SOON).await?;
    estate.nginx.peer().stop().await?;
    let dead = up.api.shows(&hostname, |host| unreachable(host).is_ok(), SOON).await?;
    let why = unreachable(&dead)?;
    ensure!(why.contains("refused"), "{why}");
    let checked = up.command(&["host", "check", &hostname])?.output()?;
    ensure!(
        checked.status.code() == Some(1),
        "an unreachable host is no success: {checked:?}"
    );
    ensure!(
        String::from_utf8_lossy(&checked.stdout).contains("unreachable: "),
        "{checked:?}"
    );
    estate.nginx.peer().start_again().await?;
    up.api.shows(&hostname, |host| seen(host).is_ok(), SOON).await?;
    let kept = up.api.snapshots(&hostname).await?;
    let was_unreachable: Vec<bool> = kept.iter().map(Snapshot::is_unreachable).collect();
    ensure!(was_unreachable == [false, true, false], "{kept:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_says_so() -> Result<()> {
    let (_estate, up) = watched(1, 1).await?;
    let host = json!({"hostname": "nowhere.invalid", "probe_interval_seconds": 1});
    up.api.add_host(&serde_json::from_value(host)?).await?;
    let looked_at = up.api.shows("nowhere.invalid", was_looked_at, SOON).await?;
    let why = unreachable(&looked_at)?;
    ensure!(why.contains("nowhere.invalid does not resolve"), "{why}");
    Ok(())
}

fn was_looked_at(host: &HostDetail) -> bool {
    host.host.snapshot.is_some()
}

/// What the newest look saw.
fn seen(host: &HostDetail) -> Result<&Served> {
    let snapshot = host.host.snapshot.as_ref().context("no look yet")?;
    snapshot
        .served()
        .with_context(|| format!("nothing was served: {snapshot:?}"))
}

/// Why the newest look saw nothing.
fn unreachable(host: &HostDetail) -> Result<&str> {
    match host.host.snapshot.as_ref().map(|snapshot| &snapshot.seen) {
        Some(AddressState::Unreachable { probe_error }) => Ok(probe_error),
        other => bail!("it was reached, or not looked at: {other:?}"),
    }
}

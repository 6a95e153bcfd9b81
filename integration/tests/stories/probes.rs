//! Hosts are looked at by themselves: what is new is kept, what is not only moves the time, and nobody waits for the
//! interval who asks.

use anyhow::{Context, Result, ensure};
use integration::Estate;
use integration::fleet::Up;
use serde_json::{Value, json};
use testkit::{pki, run_dir, wait};

use crate::world::{SOON, estate};

/// An estate whose hosts are looked at so often, and no policy.
async fn watched(hosts: usize, seconds: u32) -> Result<(Estate, Up)> {
    let estate = estate(hosts).await?;
    let up = Up::start(&estate).await?;
    let mut all = estate.hosts();
    for host in &mut all {
        host["probe_interval_seconds"] = json!(seconds);
    }
    up.api.import("hosts", &all).await?;
    Ok((estate, up))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_is_looked_at_by_itself_and_what_stays_the_same_is_kept_once() -> Result<()> {
    let (estate, up) = watched(3, 1).await?;
    for served in estate.served().await? {
        let host = until_host(&up, &served.hostname, |host| !host["snapshot"].is_null()).await?;
        ensure!(host["snapshot"]["fingerprint"] == served.fingerprint.as_str(), "{host}");
        ensure!(host["snapshot"]["days_until_expiry"] == 9, "{host}");
        for _ in 0..2 {
            let before = up.api.get(&format!("/hosts/{}", served.hostname)).await?["last_seen_at"].clone();
            until_host(&up, &served.hostname, |host| host["last_seen_at"] != before).await?;
        }
        let kept = snapshots(&up, &served.hostname).await?;
        ensure!(
            kept.len() == 1 && host["look"].as_array().is_some_and(|look| look.len() == 1),
            "{kept:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_replaced_by_hand_is_seen_by_who_checks_now() -> Result<()> {
    let (estate, up) = watched(1, 604_800).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    let first = until_host(&up, &hostname, |host| !host["snapshot"].is_null()).await?;

    let (files, other) = (estate.nginx.files(&hostname), pki::about_to_expire(&hostname)?);
    run_dir::write(&files.chain, &other.chain_pem, None)?;
    run_dir::write(&files.key, &other.key_pem, None)?;
    let served = estate.served().await?[0].fingerprint.clone();
    ensure!(first["snapshot"]["fingerprint"] != served.as_str());

    let checked = up.command(&["host", "check", &hostname, "--json"])?.output()?;
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let checked: Value = serde_json::from_slice(&checked.stdout)?;
    ensure!(checked["snapshot"]["fingerprint"] == served.as_str(), "{checked}");
    ensure!(snapshots(&up, &hostname).await?.len() == 2);

    let absent = up.api.answer_to_post("/hosts/no.such.host/check", &json!({})).await?;
    ensure!(absent.status == 404, "{absent:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_shows_why_and_then_its_recovery() -> Result<()> {
    let (estate, up) = watched(1, 1).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    until_host(&up, &hostname, |host| host["snapshot"]["probe"] == "served").await?;
    estate.nginx.peer().stop().await?;
    let dead = until_host(&up, &hostname, |host| host["snapshot"]["probe"] == "unreachable").await?;
    let why = dead["snapshot"]["probe_error"].as_str().context("a reason")?;
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
    until_host(&up, &hostname, |host| host["snapshot"]["probe"] == "served").await?;
    let kept = snapshots(&up, &hostname).await?;
    let seen: Vec<&Value> = kept.iter().map(|one| &one["probe"]).collect();
    ensure!(seen == ["served", "unreachable", "served"], "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_says_so() -> Result<()> {
    let (_estate, up) = watched(1, 1).await?;
    let host = json!({"hostname": "nowhere.invalid", "probe_interval_seconds": 1});
    up.api.post("/hosts", &host).await?;
    let seen = until_host(&up, "nowhere.invalid", |host| !host["snapshot"].is_null()).await?;
    let why = seen["snapshot"]["probe_error"].as_str().context("a reason")?;
    ensure!(why.contains("nowhere.invalid does not resolve"), "{why}");
    Ok(())
}

async fn until_host(up: &Up, hostname: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    let path = format!("/hosts/{hostname}");
    wait::until(&format!("another look at {hostname}"), SOON, async || {
        let host = up.api.get(&path).await.ok()?;
        is(&host).then_some(host)
    })
    .await
}

async fn snapshots(up: &Up, hostname: &str) -> Result<Vec<Value>> {
    let found = up.api.get(&format!("/hosts/{hostname}/snapshots?limit=1000")).await?;
    Ok(found["items"].as_array().cloned().unwrap_or_default())
}

//! A record that comes back older than the world: nothing is ordered for hosts that have been renewed since.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use api::policies::Policy;
use domain::run::Status;
use integration::Api;
use integration::fleet::{Up, bound};
use serde_json::{Value, json};
use testkit::wait;

use crate::world::{SOON, estate, import, issued_by_name};

const HOSTS: usize = 100;

fn schedule(enabled: bool) -> Value {
    json!({"planner": {"schedule": {"enabled": enabled, "every_seconds": 1}}})
}

/// `cp -a` keeps owner and mode, which Postgres insists on.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(done.success(), "cp ended with {done}");
    Ok(())
}

/// Until this holds of every policy.
async fn every_policy(api: &Api, what: &str, holds: impl Fn(&Policy) -> bool) -> Result<()> {
    wait::until_ok(what, bound(HOSTS), async || {
        let policies = api.policies().await?;
        let not = policies.iter().find(|policy| !holds(policy));
        ensure!(not.is_none() && policies.len() == HOSTS, "not of {not:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn what_was_renewed_after_the_backup_is_not_ordered_again() -> Result<()> {
    let estate = estate(HOSTS).await?;
    let mut up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    wait::until_ok("a look at every host", SOON, async || {
        let hosts = up.api.hosts().await?;
        ensure!(hosts.iter().all(|host| host.snapshot.is_some()), "not of all");
        Ok(())
    })
    .await?;
    // The backup is taken of a record in which everything is due.
    up.peer.stop().await?;
    let (record, backup) = (up.data_dir.join("postgres"), up.data_dir.join("backup"));
    copy(&record, &backup)?;
    up.peer.start_again().await?;
    up.start_again_with(schedule(true)).await?;
    wait::until_ok("a renewal of every host", bound(HOSTS), async || {
        let counts = up.api.counts().await?;
        ensure!(counts[Status::Succeeded] == HOSTS as u64, "{counts:?}");
        Ok(())
    })
    .await?;
    ensure!(estate.issued() == HOSTS, "{} issued", estate.issued());
    let served = estate.served().await?;

    up.peer.stop().await?;
    std::fs::rename(&record, up.data_dir.join("lost"))?;
    std::fs::rename(&backup, &record)?;
    up.peer.start_again().await?;
    every_policy(&up.api, "every policy to be due by what is served", |policy| {
        let day = std::time::Duration::from_secs(86_400);
        policy
            .due_at
            .is_some_and(|due| due > policy.policy.created_at.plus(day))
    })
    .await?;
    let runs = up.api.runs().await?;
    for run in &runs {
        ensure!(
            run.standing.status == Status::Cancelled && run.attempt == 0,
            "it was begun: {run:?}"
        );
        ensure!(run.cancelled_by.as_deref() == Some("schedule"), "{run:?}");
    }
    if let Some(run) = runs.first() {
        let acts = up.api.run(run.standing.id).await?.acts;
        let why = &acts.first().context("an act")?.note;
        ensure!(why.contains("serves another certificate now"), "{acts:?}");
    }
    ensure!(estate.issued() == HOSTS, "{} issued", estate.issued());
    let twice: Vec<String> = issued_by_name(&estate)
        .await?
        .into_iter()
        .filter(|(_, n)| *n != 1)
        .map(|(name, _)| name)
        .collect();
    ensure!(twice.is_empty(), "issued again: {twice:?}");
    ensure!(estate.served().await? == served, "nothing was touched");
    Ok(())
}

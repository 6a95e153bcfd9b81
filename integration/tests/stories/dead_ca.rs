//! A CA that dies with orders open, and comes back at the same address having forgotten them and the account: who has no
//! other CA waits for it and says so, who has one goes there. One certificate each time.

use anyhow::{Context, Result, ensure};
use api::runs::{Because, Run};
use domain::run::Status;
use integration::Api;
use integration::fleet::Up;
use serde_json::json;
use testkit::{Signal, wait};

use crate::choice;
use crate::world::{SOON, estate, import, issued_by_name, with_orders_open};

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_dies_with_orders_open_is_waited_for_and_asked_anew() -> Result<()> {
    let estate = estate(3).await?;
    let patient = json!({"planner": {"retry": {"rungs_seconds": vec![2; 20], "then_seconds": 86_400}}});
    let up = Up::start_with(&estate, patient).await?;
    import(&up.api, &estate).await?;
    let ca = &estate.pebbles[0];
    let runs: Vec<String> = with_orders_open(&up.api, ca).await?;
    ca.peer().kill_hard()?;

    for run in &runs {
        let first = failing_for(&up.api, run, 1).await?;
        let later = failing_for(&up.api, run, 3).await?;
        let why = &later.standing.failure.as_ref().context("a reason")?.failure;
        let named = why.what.contains(&ca.directory_url());
        ensure!(why.code.as_str() == "ISS-0005" && named, "{why:?}");
        let since = later.failing_since;
        ensure!(since.is_some() && since == first.failing_since, "{later:?}");
        ensure!(later.standing.status == Status::Running, "{later:?}");
    }
    let asked = up.api.incidents().await?;
    ensure!(asked.is_empty(), "waiting is no incident: {asked:?}");
    let told = up.command(&["run", &runs[0]])?.output()?.stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    ensure!(told.contains("times since"), "{told}");

    ca.dns_peer().signal(Signal::CONT)?;
    ca.peer().start_again().await?;
    for run in &runs {
        let ended = up.api.reaches(run, Status::Succeeded, SOON).await?.run;
        ensure!(ended.failing_since.is_none(), "{ended:?}");
    }
    let issued = issued_by_name(&estate).await?;
    let once = estate.nginx.hosts().iter().map(|host| (host.clone(), 1)).collect();
    ensure!(issued == once && estate.issued() == runs.len(), "{issued:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_dies_with_an_order_open_gives_way_to_the_one_that_stands_by() -> Result<()> {
    let (estate, up, host) = choice::world().await?;
    let runs = with_orders_open(&up.api, &estate.pebbles[0]).await?;
    estate.pebbles[0].peer().kill_hard()?;

    let ended = up.api.reaches(&runs[0], Status::Succeeded, SOON).await?.run;
    ensure!(ended.current_ca == estate.pebbles[1].directory_url(), "{ended:?}");
    let why = &ended.failovers.first().context("a failover")?.failure;
    ensure!(why.code.as_str() == "ISS-0005", "{why:?}");
    ensure!(why.what.contains(&estate.pebbles[0].directory_url()), "{why:?}");
    ensure!(estate.pebbles[1].issued_for(&host).await? == 1 && estate.issued() == 1);
    Ok(())
}

/// Until its step has failed so many times; gives the run, which waits for the next try.
async fn failing_for(api: &Api, run: &str, times: u32) -> Result<Run> {
    wait::until_ok(&format!("{times} failures of run {run}"), SOON, async || {
        let shown = api.run(run).await?.run;
        let waits = shown.standing.because == Some(Because::Retry);
        ensure!(waits && shown.failures >= times, "{shown:?}");
        Ok(shown)
    })
    .await
}

//! Which CA issues: the cheapest of those that are named, and the next when the first is down. One certificate each time.

use anyhow::{Context, Result, ensure};
use api::pacing::NewLimit;
use api::runs::Run;
use domain::provider::ProviderName;
use domain::run::Status;
use integration::fleet::Up;
use integration::{Api, Estate};
use testkit::Serving;

use crate::pace;
use crate::world::SOON;

/// One host, and two CAs; its policy names the first, and the second if that fails.
pub async fn world() -> Result<(Estate, Up, String)> {
    let estate = Estate::start(1, 2, Serving::Dynamic).await?;
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    let second = estate.pebbles[1].directory_url().parse()?;
    policies[0].fallbacks = vec![ProviderName::Directory(second)];
    up.api.import("policies", &policies).await?;
    let host = estate.nginx.hosts()[0].clone();
    Ok((estate, up, host))
}

fn vigilo(up: &Up, args: &[&str]) -> Result<String> {
    let done = up.command(args)?.output()?;
    let (said, refused) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    ensure!(done.status.success(), "vigilo {args:?}: {said}{refused}");
    Ok(said.into_owned())
}

/// The id of the provider that was chosen.
fn chosen(run: &Run) -> Option<&str> {
    run.choice.id.as_ref().map(|id| id.as_str())
}

async fn newest(api: &Api, host: &str) -> Result<Run> {
    let runs = api.runs_of(host).await?;
    runs.into_iter().next().context("a run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_ca_hands_over_to_the_next_one_and_says_so() -> Result<()> {
    let (mut estate, up, host) = world().await?;
    let first = estate.pebbles.remove(0);
    let dead = first.directory_url();
    drop(first);

    let runs = up.api.renew(Some(&[&host])).await?;
    let id = runs.get(&host).context("a run")?;
    let run = up.api.reaches(id, Status::Succeeded, SOON).await?.run;
    ensure!(run.choice.ca.to_string() == dead, "{run:?}");
    ensure!(run.current_ca == estate.pebbles[0].directory_url(), "{run:?}");
    ensure!(run.failovers[0].failure.code.as_str() == "ISS-0005", "{run:?}");
    ensure!(estate.pebbles[0].issued_for(&host).await? == 1 && estate.issued() == 1);
    let told = vigilo(&up, &["run", id])?;
    ensure!(told.contains("turned to the next CA instead"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cost_aware_takes_the_cheaper_ca_and_a_changed_price_changes_its_mind() -> Result<()> {
    let (estate, up, host) = world().await?;
    let urls: Vec<String> = estate.pebbles.iter().map(testkit::Pebble::directory_url).collect();
    vigilo(
        &up,
        &[
            "provider",
            "add",
            "dear",
            "--directory-url",
            &urls[0],
            "--price-usd",
            "2",
        ],
    )?;
    vigilo(
        &up,
        &[
            "provider",
            "add",
            "cheap",
            "--directory-url",
            &urls[1],
            "--price-usd",
            "0.5",
        ],
    )?;
    let renew = ["renew", &host, "--strategy", "cost-aware", "--wait"];

    vigilo(&up, &renew)?;
    let run = newest(&up.api, &host).await?;
    let cost = run.choice.cost_micro_usd;
    ensure!(chosen(&run) == Some("cheap") && cost == Some(500_000), "{run:?}");
    let mut lost = run.choice.lost.iter();
    ensure!(lost.any(|one| one.because.contains("dearer by 1.50 USD")), "{run:?}");
    ensure!(estate.pebbles[1].issued() == 1 && estate.issued() == 1);

    vigilo(&up, &["provider", "set", "cheap", "--price-usd", "3"])?;
    vigilo(&up, &renew)?;
    let run = newest(&up.api, &host).await?;
    ensure!(chosen(&run) == Some("dear"), "{run:?}");
    ensure!(estate.pebbles[0].issued() == 1 && estate.issued() == 2);
    Ok(())
}

/// One order may be placed at the first CA, and the next in four days.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_has_no_room_in_time_hands_over_to_the_next_ca() -> Result<()> {
    let (estate, up, host) = world().await?;
    let urls: Vec<String> = estate.pebbles.iter().map(testkit::Pebble::directory_url).collect();
    let limit = NewLimit {
        period_seconds: 345_600,
        ..pace::limit("orders of the story", &urls[0])?
    };
    up.api.set_limit("story.orders", &limit).await?;
    // The planners read the limits again after two seconds at most; a first renewal is through later than that, or the
    // second shows that it was not counted.
    for _ in 0..3 {
        let runs = up.api.renew(Some(&[&host])).await?;
        let id = runs.get(&host).context("a run")?;
        let run = up.api.reaches(id, Status::Succeeded, SOON).await?.run;
        if run.current_ca == urls[1] {
            let why = &run.failovers[0].failure;
            ensure!(why.code.as_str() == "RUN-0004", "{run:?}");
            ensure!(why.what.contains("orders of the story"), "{run:?}");
            ensure!(estate.pebbles[1].issued() == 1);
            return Ok(());
        }
    }
    anyhow::bail!("the limit of the first CA was never in the way")
}

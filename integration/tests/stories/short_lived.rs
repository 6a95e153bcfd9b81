//! Certificates that live for a minute: each is renewed in time, and no sooner than a third of its life.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::runs::Run;
use domain::run::{Status, Trigger};
use integration::fleet::Up;
use integration::{Api, Estate};
use serde_json::json;
use testkit::faulty_ca::FaultyCa;
use testkit::wait;

use crate::world::{SOON, import};

const LIFE: Duration = Duration::from_secs(45);
/// It says so of every certificate, from the first answer on.
const ALWAYS_PAST: &str = r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"}}"#;
/// It says so of every certificate, whenever that ends.
const NEVER: &str = r#"{"suggestedWindow":{"start":"9998-01-02T04:00:00Z","end":"9999-01-03T04:00:00Z"}}"#;

/// One host with a first certificate of a minute, and the clock begins.
async fn begun(said: Option<&str>) -> Result<(Estate, Up)> {
    let estate = Estate::at_a_faulty_ca(1).await?;
    let ca = ca(&estate)?;
    ca.issue_for(LIFE);
    if let Some(said) = said {
        ca.offer_renewal_info(said, None);
    }
    let mut up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    up.start_again_with(json!({"planner": {"schedule": {"enabled": true, "every_seconds": 1}}}))
        .await?;
    Ok((estate, up))
}

fn ca(estate: &Estate) -> Result<&FaultyCa> {
    estate.faulty_ca.as_ref().context("this estate has a faulty CA")
}

/// The runs of the host, oldest first, once so many have succeeded.
async fn renewed(api: &Api, host: &str, times: usize) -> Result<Vec<Run>> {
    wait::until_ok(&format!("{times} renewals of {host}"), 3 * SOON, async || {
        let mut runs = api.runs_of(host).await?;
        runs.reverse();
        let succeeded = |run: &&Run| run.standing.status == Status::Succeeded;
        let done = runs.iter().filter(succeeded).count();
        ensure!(done >= times, "{done} have succeeded of {}", runs.len());
        Ok(runs)
    })
    .await
}

/// Each run began when at least this part of the life of the one before had gone, and before that had ended.
fn in_time(runs: &[Run], least: Duration) -> Result<()> {
    for pair in runs.windows(2) {
        let got = pair[0].ended_at.context("it has not ended")?;
        // A run gets its certificate a few seconds before it ends.
        let waited = pair[1].created_at.since(got);
        ensure!(waited < LIFE, "it was renewed after its end: {pair:?}");
        ensure!(waited > least.mul_f64(0.7), "it was renewed too soon: {pair:?}");
    }
    Ok(())
}

/// What the list says of the policy once it is judged by the newest certificate.
async fn listed(up: &Up, host: &str, says: &str) -> Result<()> {
    wait::until_ok(&format!("{says:?} in the list of policies"), SOON, async || {
        let policies = up.api.policies().await?;
        let due = policies[0].due_at.context("it is not due")?;
        let look = up.api.host(host).await?.look;
        let served = look
            .first()
            .and_then(|seen| seen.served())
            .context("it is not served")?;
        let end = served.leaf.not_after;
        ensure!(due < end, "due at {due}, ends at {end}");
        let said = up.command(&["policy", "list"])?.output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        ensure!(said.contains(says), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_minute_renews_itself_before_its_end_again_and_again() -> Result<()> {
    let (estate, up) = begun(None).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let runs = renewed(&up.api, host, 3).await?;
    in_time(&runs[..3], LIFE / 3)?;
    listed(&up, host, "when half of the life is left").await?;
    ensure!(runs.iter().all(|run| run.trigger == Trigger::Schedule), "{runs:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_always_past_renews_once_per_third_of_a_life() -> Result<()> {
    let (estate, up) = begun(Some(ALWAYS_PAST)).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let runs = renewed(&up.api, host, 3).await?;
    in_time(&runs[..3], LIFE / 3)?;
    listed(&up, host, "not before a third of the life is over (ARI)").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_after_the_certificates_end_is_not_obeyed_and_the_list_says_why() -> Result<()> {
    let (estate, up) = begun(Some(NEVER)).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let runs = renewed(&up.api, host, 2).await?;
    in_time(&runs[..2], LIFE / 3)?;
    listed(
        &up,
        host,
        "which leaves no time to renew before the end: not obeyed (ARI)",
    )
    .await
}

//! A job lives through deaths of the planner, and is paused, resumed and cancelled as one.

use anyhow::{Context, Result, ensure};
use domain::job::Progress;
use integration::{Api, Member};
use serde_json::{Value, json};
use testkit::wait;

use super::{commit, id, job_is, lines, planned, progress, tell};
use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet, issued_by_name};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_and_carried_out_through_deaths_of_the_planner() -> Result<()> {
    let (estate, fleet) = fleet(24).await?;
    let taken = fleet.api.post("/jobs", &json!({"spec": {"filter": {}}})).await?;
    fleet.kill_and_restart(Member::Planner).await?;
    let job = job_is(&fleet.api, taken["job_id"].as_str().context("a job")?, "planned").await?;
    ensure!(job["totals"]["included"] == 24 && job["hosts"] == 24, "{job}");
    ensure!(estate.issued() == 0, "a plan does nothing");

    commit(&fleet.api, &job).await?;
    fleet.kill_and_restart(Member::Planner).await?;
    let again = fleet
        .api
        .answer_to_post(&format!("/jobs/{}/commit", id(&job)?), &Value::Null)
        .await?;
    ensure!(again.status == 202, "asked twice it is done once: {again:?}");

    let ended = job_is(&fleet.api, id(&job)?, "ended").await?;
    ensure!(ended["progress"]["succeeded"] == 24, "{ended}");
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    let lines = lines(&fleet.api, &job).await?;
    ensure!(
        lines.values().all(|line| line["run_status"] == "succeeded"),
        "{lines:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paused_resumed_and_cancelled_as_one() -> Result<()> {
    let (estate, fleet) = fleet(12).await?;
    let api = &fleet.api;
    let job = planned(api, &json!({"filter": {}, "concurrency": 1})).await?;
    commit(api, &job).await?;
    progress(api, &job, "a first run has ended", |at| at.succeeded > 0).await?;
    tell(api, &job, "pause").await?;
    all_queued_are_held(api, &job, "paused by owner").await?;
    let paused = progress(api, &job, "nothing goes on", |at| at.queued + at.running == 0).await?;
    ensure!(paused.held > 0 && paused.held + paused.succeeded == 12, "{paused:?}");
    let shown = api.get(&format!("/jobs/{}", id(&job)?)).await?;
    ensure!(shown["paused_by"] == "owner" && shown["state"] == "running", "{shown}");

    tell(api, &job, "resume").await?;
    progress(api, &job, "it goes on", |at| at.succeeded > paused.succeeded).await?;
    tell(api, &job, "cancel").await?;
    let ended = job_is(api, id(&job)?, "cancelled").await?;
    let ended: Progress = serde_json::from_value(ended["progress"].clone())?;
    ensure!(
        ended.cancelled > 0 && ended.cancelled + ended.succeeded == 12,
        "{ended:?}"
    );
    let issued = issued_by_name(&estate).await?;
    ensure!(issued.values().all(|certificates| *certificates == 1), "{issued:?}");
    ensure!(issued.len() >= usize::try_from(ended.succeeded)?, "{issued:?}");
    let refused = api
        .answer_to_post(&format!("/jobs/{}/pause", id(&job)?), &Value::Null)
        .await?;
    ensure!(refused.status == 409, "{refused:?}");
    Ok(())
}

/// Waits until every run of a job that has not begun is held for this reason.
async fn all_queued_are_held(api: &Api, job: &Value, held: &str) -> Result<()> {
    let path = format!("/runs?job={}&status=queued", id(job)?);
    wait::until(held, SOON, async || {
        let runs = api.get(&path).await.ok()?;
        let all = runs["items"].as_array()?.iter().all(|run| run["held"] == held);
        all.then_some(())
    })
    .await
}

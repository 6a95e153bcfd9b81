//! A job lives through deaths of the planner, and is paused, resumed and cancelled as one.

use anyhow::{Result, ensure};
use domain::JobId;
use domain::job::JobState;
use domain::run::Status;
use integration::{Api, Member};
use serde_json::json;
use testkit::wait;

use super::{job_is, lines, planned, progress};
use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet, issued_by_name};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_and_carried_out_through_deaths_of_the_planner() -> Result<()> {
    let (estate, fleet) = fleet(24).await?;
    let spec = serde_json::from_value(json!({"filter": {}}))?;
    let job = fleet.api.plan(spec).await?;
    fleet.kill_and_restart(Member::Planner).await?;
    let plan = job_is(&fleet.api, job, JobState::Planned).await?.job;
    ensure!(plan.totals.included == 24 && plan.hosts == Some(24), "{plan:?}");
    ensure!(estate.issued() == 0, "a plan does nothing");

    fleet.api.commit(job).await?;
    fleet.kill_and_restart(Member::Planner).await?;
    let again = fleet.api.answer_to_post(&format!("/jobs/{job}/commit"), &()).await?;
    ensure!(again.status == 202, "asked twice it is done once: {again:?}");

    let ended = job_is(&fleet.api, job, JobState::Ended).await?;
    ensure!(ended.progress.succeeded == 24, "{ended:?}");
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    let lines = lines(&fleet.api, job).await?;
    let succeeded = Some(Status::Succeeded.as_str());
    ensure!(
        lines.values().all(|line| line.run_status.as_deref() == succeeded),
        "{lines:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paused_resumed_and_cancelled_as_one() -> Result<()> {
    let (estate, fleet) = fleet(12).await?;
    let api = &fleet.api;
    let job = planned(api, json!({"filter": {}, "concurrency": 1})).await?.job.id;
    api.commit(job).await?;
    progress(api, job, "a first run has ended", |at| at.succeeded > 0).await?;
    api.pause_job(job, "a story").await?;
    all_queued_are_held(api, job, "paused by owner").await?;
    let paused = progress(api, job, "nothing goes on", |at| at.queued + at.running == 0).await?;
    ensure!(paused.held > 0 && paused.held + paused.succeeded == 12, "{paused:?}");
    let shown = api.job(job).await?.job;
    ensure!(
        shown.paused_by.as_deref() == Some("owner") && shown.state == JobState::Running,
        "{shown:?}"
    );

    api.resume_job(job, "a story").await?;
    progress(api, job, "it goes on", |at| at.succeeded > paused.succeeded).await?;
    api.cancel_job(job, "a story").await?;
    let ended = job_is(api, job, JobState::Cancelled).await?.progress;
    ensure!(
        ended.cancelled > 0 && ended.cancelled + ended.succeeded == 12,
        "{ended:?}"
    );
    let issued = issued_by_name(&estate).await?;
    ensure!(issued.values().all(|certificates| *certificates == 1), "{issued:?}");
    ensure!(issued.len() >= usize::try_from(ended.succeeded)?, "{issued:?}");
    let refused = api.answer_to_post(&format!("/jobs/{job}/pause"), &()).await?;
    ensure!(refused.status == 409, "{refused:?}");
    Ok(())
}

/// Waits until every run of a job that has not begun is held for this reason.
async fn all_queued_are_held(api: &Api, job: JobId, held: &str) -> Result<()> {
    wait::until(held, SOON, async || {
        let runs = api.queued_of(job).await.ok()?;
        let all = runs.iter().all(|run| run.standing.held.as_deref() == Some(held));
        all.then_some(())
    })
    .await
}

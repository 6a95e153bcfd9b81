//! What fails for one cause stops what shares it, and nothing else.

use anyhow::{Result, ensure};
use api::acts::RunsAct;
use api::incidents::Incident;
use domain::job::{JobState, Shared};
use integration::estate::activate_by;
use integration::{Api, Estate, Fleet};
use serde_json::json;
use testkit::{Serving, run_dir, wait};

use super::{job_is, lines, planned, progress};
use crate::targets::install_program;
use crate::world::{SOON, issued_by_name};

/// Hosts of two zones; the reload of one of them does not work until somebody writes the program.
async fn two_zones() -> Result<(Estate, Fleet, std::path::PathBuf)> {
    let names = (1..=6).flat_map(|n| [format!("host-{n}.good.test"), format!("host-{n}.bad.test")]);
    let mut estate = Estate::of(names.collect(), 1, Serving::Dynamic).await?;
    let hook = run_dir::fresh("hooks", None)?.join("reload");
    estate.allow("hook", &[hook.display().to_string()]);
    let fleet = Fleet::start(&estate).await?;
    let mut policies = estate.policies();
    for policy in &mut policies {
        if policy.hostname.as_str().ends_with("bad.test") {
            activate_by(policy, "hook", 10);
        }
    }
    fleet.api.import("hosts", &estate.hosts()).await?;
    fleet.api.import("policies", &policies).await?;
    Ok((estate, fleet, hook))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_cohort_that_fails_halts_what_shares_its_cause_and_nothing_else() -> Result<()> {
    let (estate, fleet, hook) = two_zones().await?;
    let api = &fleet.api;
    let plan = planned(api, json!({"filter": {}, "canary": {"count": 4}})).await?;
    let job = plan.job.id;
    let cohort = lines(api, job).await?;
    let cohort: Vec<&String> = cohort
        .iter()
        .filter(|(_, line)| line.in_cohort)
        .map(|(name, _)| name)
        .collect();
    ensure!(
        cohort.iter().filter(|name| name.ends_with("bad.test")).count() == 2,
        "spread over both zones: {cohort:?}"
    );

    api.commit(job).await?;
    let stands = progress(api, job, "the good ones are through", |at| at.succeeded == 6).await?;
    ensure!((stands.needs_manual, stands.held) == (2, 4), "{stands:?}");
    let shown = api.job(job).await?.job;
    let shared: Vec<&Shared> = shown.halts.iter().map(|one| &one.halt.shared).collect();
    ensure!(shared == [&Shared::Zone("bad.test".to_owned())], "{shared:?}");
    ensure!(shown.state == JobState::Running, "{shown:?}");
    let incident = one_incident(api).await?.incident;
    ensure!(incident.title.contains(&job.to_string()), "{incident:?}");

    install_program(&hook, "true")?;
    api.resume_job(job, "a story").await?;
    let all = RunsAct {
        all: true,
        ..RunsAct::default()
    };
    api.resume_many(&all).await?;
    let ended = job_is(api, job, JobState::Ended).await?;
    ensure!(ended.progress.succeeded == 12, "{ended:?}");
    ensure!(
        issued_by_name(&estate)
            .await?
            .values()
            .all(|certificates| *certificates == 1)
    );
    Ok(())
}

/// The only incident that is open, once there is but one.
async fn one_incident(api: &Api) -> Result<Incident> {
    wait::until("one open incident of both runs", SOON, async || {
        let mut open = api.open_incidents().await.ok()?;
        (open.len() == 1 && open[0].incident.common).then(|| open.remove(0))
    })
    .await
}

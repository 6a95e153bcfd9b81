//! Bulk renewals: planned, looked at, committed as planned; and what stops, holds or ends them as one.

mod command;
mod halts;
mod life;
mod mixed;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use api::jobs::{JobDetail, JobLine};
use domain::JobId;
use domain::job::{JobState, Progress};
use integration::Api;
use integration::fleet::bound;
use serde_json::Value;
use testkit::wait;

/// Has a plan made of this spec and waits for it.
async fn planned(api: &Api, spec: Value) -> Result<JobDetail> {
    let job = api.plan(serde_json::from_value(spec)?).await?;
    job_is(api, job, JobState::Planned).await
}

async fn job_is(api: &Api, job: JobId, state: JobState) -> Result<JobDetail> {
    let what = format!("job {job} is {}", state.as_str());
    wait::until(&what, bound(500), async || {
        let found = api.job(job).await.ok()?;
        (found.job.state == state).then_some(found)
    })
    .await
}

/// Every line of a plan by its hostname.
async fn lines(api: &Api, job: JobId) -> Result<BTreeMap<String, JobLine>> {
    let mut all = BTreeMap::new();
    for line in api.job_lines(job).await? {
        let name = line.hostname.clone();
        ensure!(all.insert(name, line).is_none(), "a host has two lines");
    }
    Ok(all)
}

/// Waits until the runs of a job stand like this; gives their numbers.
async fn progress(api: &Api, job: JobId, what: &str, stands: impl Fn(&Progress) -> bool) -> Result<Progress> {
    wait::until(what, bound(100), async || {
        let progress = api.job(job).await.ok()?.progress;
        stands(&progress).then_some(progress)
    })
    .await
}

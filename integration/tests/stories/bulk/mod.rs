//! Bulk renewals: planned, looked at, committed as planned; and what stops, holds or ends them as one.

mod command;
mod halts;
mod life;
mod mixed;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use domain::job::Progress;
use integration::Api;
use integration::fleet::bound;
use serde_json::{Value, json};
use testkit::wait;

/// Has a plan made and waits for it.
async fn planned(api: &Api, spec: &Value) -> Result<Value> {
    let taken = api.post("/jobs", &json!({"spec": spec})).await?;
    job_is(api, taken["job_id"].as_str().context("a job")?, "planned").await
}

async fn job_is(api: &Api, job: &str, state: &str) -> Result<Value> {
    let what = format!("job {job} is {state}");
    wait::until(&what, bound(500), async || {
        let found = api.get(&format!("/jobs/{job}")).await.ok()?;
        (found["state"] == state).then_some(found)
    })
    .await
}

fn id(job: &Value) -> Result<&str> {
    job["id"].as_str().context("an id")
}

async fn commit(api: &Api, job: &Value) -> Result<()> {
    api.post(&format!("/jobs/{}/commit", id(job)?), &Value::Null).await?;
    Ok(())
}

/// Every line of a plan by its hostname.
async fn lines(api: &Api, job: &Value) -> Result<BTreeMap<String, Value>> {
    let (mut all, mut after) = (BTreeMap::new(), "0".to_owned());
    loop {
        let page = api
            .get(&format!("/jobs/{}/lines?limit=1000&after={after}", id(job)?))
            .await?;
        for line in page["items"].as_array().into_iter().flatten() {
            let name = line["hostname"].as_str().context("a hostname")?;
            ensure!(
                all.insert(name.to_owned(), line.clone()).is_none(),
                "{name} has two lines"
            );
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(all),
        }
    }
}

/// Tells a job something, and insists that it is taken.
async fn tell(api: &Api, job: &Value, verb: &str) -> Result<()> {
    api.post(&format!("/jobs/{}/{verb}", id(job)?), &json!({"note": "a story"}))
        .await?;
    Ok(())
}

/// Waits until the runs of a job stand like this; gives their numbers.
async fn progress(api: &Api, job: &Value, what: &str, stands: impl Fn(&Progress) -> bool) -> Result<Progress> {
    let path = format!("/jobs/{}", id(job)?);
    wait::until(what, bound(100), async || {
        let found = api.get(&path).await.ok()?;
        let progress: Progress = serde_json::from_value(found["progress"].clone()).ok()?;
        stands(&progress).then_some(progress)
    })
    .await
}

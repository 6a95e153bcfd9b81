//! Bulk renewals: planned, looked at, committed as planned; and what stops, holds or ends them as one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use integration::fleet::bound;
use integration::{Api, Member};
use serde_json::{Value, json};

use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet};

/// Has a plan made and waits for it.
async fn planned(api: &Api, spec: &Value) -> Result<Value> {
    let taken = api.post("/jobs", &json!({"spec": spec})).await?;
    job_is(api, taken["job_id"].as_str().context("a job")?, "planned").await
}

async fn job_is(api: &Api, job: &str, state: &str) -> Result<Value> {
    let what = format!("job {job} is {state}");
    testkit::wait::until(&what, bound(500), async || {
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

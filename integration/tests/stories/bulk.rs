//! Bulk renewals: planned, looked at, committed as planned; and what stops, holds or ends them as one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use domain::job::Progress;
use integration::fleet::bound;
use integration::planning::Planning;
use integration::{Api, Estate, Fleet, Member};
use serde_json::{Value, json};
use testkit::{Serving, run_dir, wait};

use crate::targets::install_program;
use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet, issued_by_name};

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

/// Hosts of two zones; the reload of one of them does not work until somebody writes the program.
async fn two_zones() -> Result<(Estate, Fleet, std::path::PathBuf)> {
    let names = (1..=6).flat_map(|n| [format!("host-{n}.good.test"), format!("host-{n}.bad.test")]);
    let estate = Estate::of(names.collect(), 1, Serving::Dynamic).await?;
    let fleet = Fleet::start(&estate).await?;
    let hook = run_dir::fresh("hooks", None)?.join("reload");
    let mut policies = estate.policies();
    for policy in &mut policies {
        if policy["hostname"]
            .as_str()
            .is_some_and(|name| name.ends_with("bad.test"))
        {
            policy["targets"][0]["reload"] = json!({"command": [hook], "timeout_seconds": 10});
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
    let job = planned(api, &json!({"filter": {}, "canary": {"count": 4}})).await?;
    let cohort = lines(api, &job).await?;
    let cohort: Vec<&String> = cohort
        .iter()
        .filter(|(_, line)| line["in_cohort"] == true)
        .map(|(name, _)| name)
        .collect();
    ensure!(
        cohort.iter().filter(|name| name.ends_with("bad.test")).count() == 2,
        "spread over both zones: {cohort:?}"
    );

    commit(api, &job).await?;
    let stands = progress(api, &job, "the good ones are through", |at| at.succeeded == 6).await?;
    ensure!((stands.needs_manual, stands.held) == (2, 4), "{stands:?}");
    let shown = api.get(&format!("/jobs/{}", id(&job)?)).await?;
    ensure!(
        shown["halts"][0]["shared"] == json!({"zone": "bad.test"}),
        "{}",
        shown["halts"]
    );
    ensure!(
        shown["halts"].as_array().map(Vec::len) == Some(1) && shown["state"] == "running",
        "{shown}"
    );
    let incident = one_incident(api).await?;
    ensure!(incident["title"].to_string().contains(id(&job)?), "{incident}");

    install_program(&hook, "true")?;
    tell(api, &job, "resume").await?;
    api.post("/runs/resume", &json!({"all": true})).await?;
    let ended = job_is(api, id(&job)?, "ended").await?;
    ensure!(ended["progress"]["succeeded"] == 12, "{ended}");
    ensure!(
        issued_by_name(&estate)
            .await?
            .values()
            .all(|certificates| *certificates == 1)
    );
    Ok(())
}

/// The only incident that is open, once there is but one.
async fn one_incident(api: &Api) -> Result<Value> {
    wait::until("one open incident of both runs", SOON, async || {
        let all = api.get("/incidents?state=open").await.ok()?;
        let open = all["items"].as_array()?.clone();
        (open.len() == 1 && open[0]["common"] == true).then(|| open[0].clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bench_measures_is_a_whole_plan() -> Result<()> {
    let planning = Planning::start().await?;
    planning.add(3_000).await?;
    let measured = planning.measure(3_000).await?;
    ensure!(measured.peak_rss_mib > 1.0, "{measured:?}");
    Ok(())
}

//! When runs go: under the limits of a CA, within the bound of a target group, in the windows of a host.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use integration::fleet::{Up, bound};
use integration::{Api, Estate, Fleet};
use serde_json::{Value, json};
use testkit::{FaultyCa, run_dir, wait};

use crate::world::{SOON, estate, import};

/// The CA takes so many orders at once, and then one in so many seconds.
const BURST: u32 = 20;
const PERIOD: u32 = 2;
const HOSTS: usize = 26;

#[tokio::test(flavor = "multi_thread")]
async fn three_planners_keep_the_quota_of_a_ca_that_counts() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(HOSTS).await?;
    let ca = estate.faulty_ca.as_ref().context("this estate has a faulty CA")?;
    ca.limit_orders(BURST, Duration::from_secs(PERIOD.into()));
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let limit = json!({"directory_url": ca.directory_url(), "scope": "account", "title": "orders of the story",
                       "burst": BURST, "period_seconds": PERIOD, "source": "the story", "last_verified": "2026-11-24"});
    fleet.api.put("/limits/story.orders", &limit).await?;
    import(&fleet.api, &estate).await?;
    // The planners read the limits again after two seconds at most; a first renewal is through later than that.
    let hosts = estate.nginx.hosts();
    for run in fleet.api.renew(Some(&[&hosts[0]])).await?.values() {
        fleet.api.run_is(run, "succeeded", SOON).await?;
    }
    let rest: Vec<&str> = hosts[1..].iter().map(String::as_str).collect();
    fleet.api.renew(Some(&rest)).await?;

    let waiting = until_one(&fleet.api, "a run that waits for the limit", |run| {
        run["because"] == "limit"
    })
    .await?;
    let said = waiting["waits_for"].as_str().unwrap_or_default();
    ensure!(
        said.contains("orders of the story") && said.contains("until"),
        "{waiting}"
    );
    let counts = fleet.api.all_settled(bound(HOSTS)).await?;
    ensure!(counts["succeeded"] == HOSTS as u64, "{counts:?}");
    ensure!(ca.overdrawn() == 0, "{} orders were one too many", ca.overdrawn());
    ensure!(ca.orders() == HOSTS && ca.issued() == HOSTS, "{} orders", ca.orders());
    Ok(())
}

/// The record believes in a much larger limit than the CA has: its first 429 stops everybody until the time that it names.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_ca_says_of_its_limit_holds_the_orders_of_every_planner() -> Result<()> {
    let (all, taken) = (12, 3);
    let estate = Estate::at_a_faulty_ca(all).await?;
    let ca = estate.faulty_ca.as_ref().context("this estate has a faulty CA")?;
    ca.limit_orders(taken, Duration::from_secs(900));
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let limit = json!({"directory_url": ca.directory_url(), "scope": "account", "title": "orders as we believe",
                       "burst": 1_000, "period_seconds": 1, "source": "the story", "last_verified": "2026-11-24"});
    fleet.api.put("/limits/story.believed", &limit).await?;
    import(&fleet.api, &estate).await?;
    let hosts: Vec<&str> = estate.nginx.hosts().iter().map(String::as_str).collect();
    let (first, rest) = hosts.split_at(taken as usize);
    for run in fleet.api.renew(Some(first)).await?.values() {
        fleet.api.run_is(run, "succeeded", SOON).await?;
    }
    fleet.api.renew(Some(&rest[..1])).await?;
    let one = || all_wait(&fleet.api, ca, "retry", 1);
    wait::until_ok("the one that was too many to wait", SOON, one).await?;
    fleet.api.renew(Some(&rest[1..])).await?;
    let others = || all_wait(&fleet.api, ca, "limit", rest.len() - 1);
    wait::until_ok("the others to wait without having asked", SOON, others).await?;
    ensure!(ca.orders() == taken as usize, "{} orders", ca.orders());
    Ok(())
}

/// So many runs wait for this, and the CA has refused one order and no more.
async fn all_wait(api: &Api, ca: &FaultyCa, because: &str, many: usize) -> Result<()> {
    let runs = api.get("/runs?limit=1000").await?;
    let items = runs["items"].as_array().into_iter().flatten();
    let found = items.filter(|run| run["because"] == because).count();
    let refused = ca.overdrawn();
    ensure!(
        found >= many && refused == 1,
        "{found} of {many}, {refused} refused: {runs}"
    );
    Ok(())
}

/// Three planners deploy to targets of one group, of which two may be reloaded at once: each reload counts how many run.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_targets_of_a_group_are_reloaded_at_once() -> Result<()> {
    let (all, at_once) = (12, 2);
    let mut estate = estate(all).await?;
    let counted = run_dir::fresh("reloads", None)?;
    let (now, seen) = (counted.join("now"), counted.join("seen"));
    std::fs::create_dir(&now)?;
    let script = format!(
        "touch {now}/$$; ls {now} | wc -l >> {seen}; sleep 0.2; rm {now}/$$",
        now = now.display(),
        seen = seen.display()
    );
    estate.allow("counted", &["/bin/sh".to_owned(), "-c".to_owned(), script]);
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let set = fleet
        .command(&["group", "set", "edge-lb", &at_once.to_string()])?
        .output()?;
    ensure!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let mut policies = estate.policies();
    for policy in &mut policies {
        policy["targets"][0]["group_name"] = json!("edge-lb");
        policy["targets"][0]["activate"] = json!("counted");
        policy["targets"][0]["activate_timeout_seconds"] = json!(60);
    }
    fleet.api.import("hosts", &estate.hosts()).await?;
    fleet.api.import("policies", &policies).await?;
    fleet.api.renew(None).await?;
    let counts = fleet.api.all_settled(bound(all)).await?;
    ensure!(counts["succeeded"] == all as u64, "{counts:?}");

    let text = std::fs::read_to_string(&seen)?;
    let reloads: Vec<usize> = text.lines().map(|line| line.trim().parse()).collect::<Result<_, _>>()?;
    ensure!(reloads.len() == all, "{} reloads", reloads.len());
    ensure!(reloads.iter().all(|running| *running <= at_once), "{reloads:?}");
    Ok(())
}

/// A minute a day, between one and two hours from now.
#[expect(
    clippy::disallowed_methods,
    reason = "what the machine says beside what the service says"
)]
fn closed_now() -> Result<Value> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let hour = (now.as_secs() / 3600 + 2) % 24;
    Ok(json!([{"cron": format!("0 {hour} * * *"), "minutes": 1, "zone": "UTC"}]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_renewed_in_its_window_or_when_somebody_insists() -> Result<()> {
    let estate = estate(2).await?;
    let up = Up::start(&estate).await?;
    let (mut hosts, mut policies) = (estate.hosts(), estate.policies());
    for host in &mut hosts {
        host["tags"] = json!(["edge"]);
    }
    policies[0]["cooldown_seconds"] = json!(60);
    up.api.import("hosts", &hosts).await?;
    up.api.import("policies", &policies).await?;
    // The estate begins with old certificates; new ones have time.
    for run in up.api.renew(None).await?.values() {
        up.api.run_is(run, "succeeded", SOON).await?;
    }
    let live = |host: &str| json!({"hostnames": [host], "mode": "live"});
    let [cooling, windowed] = estate.nginx.hosts() else {
        anyhow::bail!("an estate of two hosts")
    };
    let with = |mut body: Value, wish: &str| {
        body[wish] = json!(true);
        body
    };

    let refused = up.api.post("/renewals", &live(cooling)).await?;
    ensure!(
        refused["refused"][0]["reason"]["field"] == "cooldown_seconds",
        "{refused}"
    );
    let cools = waits(&up.api, &with(live(cooling), "when_allowed"), "cooldown").await?;
    up.api.run_is(&cools, "succeeded", 2 * SOON).await?;

    let tag = json!({"windows": closed_now()?});
    up.api.put("/tag-windows/edge", &tag).await?;
    let closed = waits(&up.api, &live(windowed), "window").await?;
    up.api.post(&format!("/runs/{closed}/cancel"), &json!({})).await?;
    let insisted = asked(&up.api, &with(live(windowed), "at_once")).await?;
    let run = up.api.run_is(&insisted, "succeeded", SOON).await?;
    ensure!(
        run["why_now"].to_string().contains("asked for at once by owner"),
        "{run}"
    );
    Ok(())
}

/// Asks for a run, which says that it waits for this, and until when; gives it.
async fn waits(api: &Api, body: &Value, because: &str) -> Result<String> {
    let run = asked(api, body).await?;
    let shown = api.get(&format!("/runs/{run}")).await?;
    ensure!(shown["because"] == because && shown["status"] == "queued", "{shown}");
    let until = shown["until"].as_str().unwrap_or_default();
    let said = shown["waits_for"].as_str().unwrap_or_default();
    ensure!(said.contains(until.get(..16).unwrap_or("an instant")), "{shown}");
    Ok(run)
}

async fn asked(api: &Api, body: &Value) -> Result<String> {
    let answer = api.post("/renewals", body).await?;
    let run = answer["accepted"][0]["run_id"].as_str();
    Ok(run
        .with_context(|| format!("it was not accepted: {answer}"))?
        .to_owned())
}

async fn until_one(api: &Api, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    wait::until_ok(what, SOON, async || {
        let runs = api.get("/runs?limit=1000").await?;
        let found = runs["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|run| is(run))
            .cloned();
        found.with_context(|| format!("none of {}", runs["items"].as_array().map_or(0, Vec::len)))
    })
    .await
}

//! A load balancer in front of two servers, of which one alone gets the new certificate: from the order of the look to the incident.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use integration::{Api, Estate, Fleet};
use serde_json::{Value, json};
use testkit::{Balancer, NginxHosts, Serving, wait};

use crate::world::{SOON, estate, incidents_of};

/// The incident service judges once a minute, and the machine may be slow.
const PATIENTLY: Duration = Duration::from_secs(240);

/// A host behind a balancer, known to a running Vigilo: the estate's server gets what is deployed, the other one nothing.
struct World {
    fleet: Fleet,
    estate: Estate,
    other: NginxHosts,
    balancer: Balancer,
    hostname: String,
}

impl World {
    async fn start() -> Result<Self> {
        let estate = estate(1).await?;
        let hostname = estate.nginx.hosts()[0].clone();
        let other = NginxHosts::start([hostname.as_str()], Serving::Dynamic).await?;
        let balancer = Balancer::start(&[estate.nginx.address(), other.address()]).await?;
        let fleet = Fleet::start(&estate).await?;
        let mut hosts = estate.hosts();
        hosts[0]["addresses"] = json!([balancer.address().ip()]);
        hosts[0]["port"] = json!(balancer.address().port());
        // Nobody else takes a turn at the balancer while the run looks.
        hosts[0]["probe_interval_seconds"] = json!(604_800);
        fleet.api.import("hosts", &hosts).await?;
        fleet.api.import("policies", &estate.policies()).await?;
        let world = Self {
            fleet,
            estate,
            other,
            balancer,
            hostname,
        };
        wait::until("the first look", SOON, async || {
            let host = world.host().await.ok()?;
            (!host["snapshot"].is_null()).then_some(())
        })
        .await?;
        Ok(world)
    }

    fn api(&self) -> &Api {
        &self.fleet.api
    }

    async fn host(&self) -> Result<Value> {
        self.api().get(&format!("/hosts/{}", self.hostname)).await
    }

    /// A person has the host looked at now.
    async fn check(&self) -> Result<Value> {
        self.api()
            .post(&format!("/hosts/{}/check", self.hostname), &json!({}))
            .await
    }

    /// The looks in a row that saw the same began so much earlier.
    async fn let_ten_minutes_pass(&self) -> Result<()> {
        let earlier = "update hosts set steady_since = steady_since - interval '10 minutes'";
        self.fleet.postgres.run_script("vigilo", earlier).await
    }

    async fn incident(&self, run: &str) -> Result<Value> {
        let all = incidents_of(self.api(), run).await?;
        ensure!(all.len() == 1, "{all:?}");
        let id = all[0].incident.id;
        self.api().get(&format!("/incidents/{id}")).await
    }
}

fn summary_of<'a>(run: &'a Value, step: &str) -> Result<&'a str> {
    let steps = run["steps"].as_array().context("steps")?;
    let last = steps.iter().rev().find(|one| one["step"] == step);
    let last = last.with_context(|| format!("no {step}: {steps:?}"))?;
    last["summary"].as_str().context("a summary")
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn one_good_look_behind_a_balancer_is_no_success_and_its_incident_closes_after_the_long_looks_only() -> Result<()>
{
    let world = World::start().await?;

    // Half of the visitors get the old certificate.
    let run = world.api().renew(Some(&[&world.hostname])).await?[&world.hostname].clone();
    let asking = world.api().run_is(&run, "needs_manual", SOON).await?;
    let question = &asking["question"];
    ensure!(question["code"] == "VER-0007", "{question}");
    let what = question["what"].as_str().context("words")?;
    ensure!(what.contains(" looks, 2 leaves)"), "{what}");
    let went_back = asking["steps"].to_string().contains("\"step\":\"rollback");
    ensure!(!went_back, "{}", asking["steps"]);
    let new = world.estate.served().await?[0].fingerprint.clone();
    let old = testkit::handshake::served_leaf(world.other.address(), &world.hostname).await?;
    ensure!(
        what.replace(':', "").to_lowercase().contains(&new) && new != old.sha256_hex,
        "the new certificate stays where it was deployed: {new} {what}"
    );
    ensure!(world.incident(&run).await?["state"] != "closed");

    // A look beside the run sees the same.
    let seen = world.check().await?["look"][0].clone();
    let leaves = seen["others"].as_array().map_or(0, Vec::len) + 1;
    ensure!(seen["looks"] == 12 && leaves == 2, "{seen}");

    // The other server is taken out. A run that looks now looks long.
    world.balancer.serve(&[world.estate.nginx.address()]);
    world.api().post(&format!("/runs/{run}/resume"), &Value::Null).await?;
    let done = world.api().run_is(&run, "succeeded", SOON).await?;
    let looked = summary_of(&done, "verify")?;
    ensure!(looked == "served as issued: 12 looks, 1 leaf at 1 address", "{looked}");
    ensure!(world.estate.issued() == 1, "{} certificates", world.estate.issued());
    wait::until_ok("the incident to say what it waits for", SOON, async || {
        let incident = world.incident(&run).await?;
        ensure!(
            incident.to_string().contains("served several certificates by turns"),
            "{incident}"
        );
        ensure!(incident["state"] != "closed", "{incident}");
        Ok(())
    })
    .await?;

    // Three looks are not enough while they are minutes apart only.
    for _ in 0..3 {
        world.check().await?;
        ensure!(world.incident(&run).await?["state"] != "closed");
    }
    world.let_ten_minutes_pass().await?;
    world.check().await?;
    let closed = wait::until_ok("the incident to close by itself", PATIENTLY, async || {
        let incident = world.incident(&run).await?;
        ensure!(incident["state"] == "closed", "{}", incident["state"]);
        Ok(incident)
    })
    .await?;
    ensure!(closed["closed"]["by"] == "vigilo", "{}", closed["closed"]);
    Ok(())
}

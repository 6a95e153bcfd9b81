//! A load balancer in front of two servers, of which one alone gets the new certificate: from the order of the look to the incident.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::hosts::HostDetail;
use api::incidents::IncidentDetail;
use api::runs::RunDetail;
use domain::incident::{Remark, State};
use integration::{Api, Estate, Fleet};
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
        hosts[0].addresses = vec![balancer.address().ip()];
        hosts[0].port = balancer.address().port();
        // Nobody else takes a turn at the balancer while the run looks.
        hosts[0].probe_interval_seconds = 604_800;
        fleet.api.import("hosts", &hosts).await?;
        fleet.api.import("policies", &estate.policies()).await?;
        let world = Self {
            fleet,
            estate,
            other,
            balancer,
            hostname,
        };
        let was_looked_at = |host: &HostDetail| host.host.snapshot.is_some();
        world.api().shows(&world.hostname, was_looked_at, SOON).await?;
        Ok(world)
    }

    fn api(&self) -> &Api {
        &self.fleet.api
    }

    /// A person has the host looked at now.
    async fn check(&self) -> Result<HostDetail> {
        self.api().check(&self.hostname).await
    }

    /// The looks in a row that saw the same began so much earlier.
    async fn let_ten_minutes_pass(&self) -> Result<()> {
        let earlier = "update hosts set steady_since = steady_since - interval '10 minutes'";
        self.fleet.postgres.run_script("vigilo", earlier).await
    }

    async fn incident(&self, run: &str) -> Result<IncidentDetail> {
        let all = incidents_of(self.api(), run).await?;
        ensure!(all.len() == 1, "{all:?}");
        self.api().incident(all[0].incident.id).await
    }

    async fn incident_state(&self, run: &str) -> Result<State> {
        Ok(self.incident(run).await?.incident.incident.state)
    }
}

fn summary_of<'a>(run: &'a RunDetail, step: &str) -> Result<&'a str> {
    let last = run.steps.iter().rev().find(|one| one.step == step);
    let last = last.with_context(|| format!("no {step}: {:?}", run.steps))?;
    Ok(&last.summary)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn one_good_look_behind_a_balancer_is_no_success_and_its_incident_closes_after_the_long_looks_only() -> Result<()>
{
    let world = World::start().await?;

    // Half of the visitors get the old certificate.
    let run = world.api().renew(Some(&[&world.hostname])).await?[&world.hostname].clone();
    let what = world.api().asks(&run, "VER-0007", SOON).await?.failure.what;
    ensure!(what.contains(" looks, 2 leaves)"), "{what}");
    let steps = world.api().run(&run).await?.steps;
    let went_back = steps.iter().any(|step| step.step.starts_with("rollback"));
    ensure!(!went_back, "{steps:?}");
    let new = world.estate.served().await?[0].fingerprint.clone();
    let old = testkit::handshake::served_leaf(world.other.address(), &world.hostname).await?;
    ensure!(
        what.replace(':', "").to_lowercase().contains(&new) && new != old.sha256_hex,
        "the new certificate stays where it was deployed: {new} {what}"
    );
    ensure!(world.incident_state(&run).await? != State::Closed);

    // A look beside the run sees the same.
    let checked = world.check().await?;
    let seen = checked.look.first().context("a look")?;
    ensure!(seen.looks == 12 && seen.others.len() == 1, "{seen:?}");

    // The other server is taken out. A run that looks now looks long.
    world.balancer.serve(&[world.estate.nginx.address()]);
    world.api().resume(&run).await?;
    let done = world.api().succeeds(&run, SOON).await?;
    let looked = summary_of(&done, "verify")?;
    ensure!(looked == "served as issued: 12 looks, 1 leaf at 1 address", "{looked}");
    ensure!(world.estate.issued() == 1, "{} certificates", world.estate.issued());
    wait::until_ok("the incident to say what it waits for", SOON, async || {
        let incident = world.incident(&run).await?;
        let notes = format!("{incident:?}");
        ensure!(notes.contains("served several certificates by turns"), "{notes}");
        ensure!(incident.incident.incident.state != State::Closed, "{notes}");
        Ok(())
    })
    .await?;

    // Three looks are not enough while they are minutes apart only.
    for _ in 0..3 {
        world.check().await?;
        ensure!(world.incident_state(&run).await? != State::Closed);
    }
    world.let_ten_minutes_pass().await?;
    world.check().await?;
    let closed = wait::until_ok("the incident to close by itself", PATIENTLY, async || {
        let incident = world.incident(&run).await?.incident.incident;
        ensure!(incident.state == State::Closed, "{:?}", incident.state);
        Ok(incident)
    })
    .await?;
    let word = closed.closed.context("who closed it")?;
    ensure!(word.by == Remark::OWN, "{word:?}");
    Ok(())
}

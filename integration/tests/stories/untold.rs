//! Trouble that nobody would have heard of: a host that falls silent between two renewals, and an event that was lost.

use anyhow::{Context, Result, ensure};
use api::hosts::{HostDetail, Snapshot};
use api::incidents::Incident;
use domain::host::Criticality;
use domain::incident::{Remark, Severity, State};
use domain::run::Status;
use integration::Fleet;
use integration::fleet::Member;
use serde_json::{Value, json};
use testkit::async_nats::jetstream;
use testkit::{Balancer, wait};

use crate::world::{SOON, estate, import, incidents_of};

/// Its watches look every second.
fn watchful() -> Value {
    json!({"incident": {"watch_seconds": 1, "gather_seconds": 1}})
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_host_that_falls_silent_under_a_policy_is_an_incident_that_ends_when_it_answers() -> Result<()> {
    let estate = estate(1).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    let way = Balancer::start(&[estate.nginx.address()]).await?;
    let fleet = Fleet::start_with(&estate, watchful()).await?;
    let mut hosts = estate.hosts();
    hosts[0].addresses = vec![way.address().ip()];
    hosts[0].port = way.address().port();
    hosts[0].criticality = Criticality::Critical;
    hosts[0].probe_interval_seconds = 604_800;
    fleet.api.import("hosts", &hosts).await?;
    fleet.api.import("policies", &estate.policies()).await?;
    let is_served = |host: &HostDetail| host.host.snapshot.as_ref().is_some_and(|look| look.served().is_some());
    fleet.api.shows(&hostname, is_served, SOON).await?;
    let before = fleet.api.incidents().await?.len();

    way.serve(&[]);
    let seen = fleet.api.check(&hostname).await?.look;
    ensure!(seen.first().is_some_and(Snapshot::is_unreachable), "{seen:?}");
    // One look is not silence: machines are started again.
    ensure!(fleet.api.incidents().await?.len() == before);
    let earlier = "update hosts set troubles = jsonb_set(troubles, '{unreachable,since}', \
                   to_jsonb((now() - interval '2 hours')))";
    fleet.postgres.run_script("vigilo", earlier).await?;
    let of_silence = |one: &Incident| one.incident.title.contains("does not answer any more");
    let open = wait::until_ok("an incident of a silent host", SOON, async || {
        let all = fleet.api.incidents().await?;
        all.into_iter().find(of_silence).context("none")
    })
    .await?
    .incident;
    ensure!(
        open.severity == Severity::Sev1 && open.state == State::Open && open.hostname.as_str() == hostname,
        "{open:?}"
    );
    ensure!(fleet.api.incidents().await?.len() == before + 1);

    way.serve(&[estate.nginx.address()]);
    fleet.api.check(&hostname).await?;
    wait::until_ok("its end", SOON, async || {
        let all = fleet.api.incidents().await?.into_iter().map(|one| one.incident);
        let one = all.into_iter().find(|one| one.id == open.id).context("it is gone")?;
        let by = one.closed.as_ref().map(|word| word.by.as_str());
        ensure!(one.state == State::Closed && by == Some(Remark::OWN), "{one:?}");
        Ok(())
    })
    .await?;
    ensure!(estate.issued() == 0, "nothing was renewed for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_trouble_was_lost_with_the_store_of_nats_is_announced_again() -> Result<()> {
    let estate = estate(1).await?;
    let hostname = estate.nginx.hosts()[0].clone();
    let fleet = Fleet::start_with(&estate, watchful()).await?;
    import(&fleet.api, &estate).await?;
    fleet.member(Member::Incident)?.kill_hard()?;
    let files = estate.nginx.files(&hostname);
    let directory = std::path::Path::new(&files.chain).parent().context("a directory")?;
    std::fs::rename(directory, directory.with_extension("away"))?;
    let run = fleet.api.renew(Some(&[&hostname])).await?[&hostname].clone();
    fleet.api.reaches(&run, Status::NeedsManual, SOON).await?;

    // What a power cut takes of the store: events that were acknowledged to the planner, and read by nobody.
    let stream = jetstream::new(fleet.nats.connect().await?);
    wait::until_ok("the event in its stream", SOON, async || {
        let runs = stream.get_stream("RUNS").await?;
        ensure!(runs.cached_info().state.messages >= 2, "{:?}", runs.cached_info().state);
        Ok(())
    })
    .await?;
    stream.get_stream("RUNS").await?.purge().await?;
    fleet.nats.kill_and_restart().await?;
    fleet.member(Member::Incident)?.start_again().await?;
    ensure!(fleet.api.incidents().await?.is_empty(), "the event is gone");

    let earlier = "update runs set moved_at = moved_at - interval '10 minutes'";
    fleet.postgres.run_script("vigilo", earlier).await?;
    // A planner looks for such runs when it starts, and then once a minute.
    fleet.kill_and_restart(Member::Planner).await?;
    let all = incidents_of(&fleet.api, &run).await?;
    ensure!(
        all.len() == 1 && all[0].incident.hostname.as_str() == hostname.as_str(),
        "{all:?}"
    );
    ensure!(fleet.api.incidents().await?.len() == 1);
    Ok(())
}

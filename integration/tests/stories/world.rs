//! What every story needs: an estate known to a running Vigilo, and the CA's own word on what it issued.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use api::incidents::Incident;
use api::runs::Because;
use domain::RunId;
use domain::run::Status;
use integration::fleet::bound;
use integration::{Api, Estate, Fleet};
use testkit::{Pebble, Serving, Signal, wait};

pub const SOON: Duration = Duration::from_secs(60);

/// An estate of so many hosts, whose web server needs no reload.
pub async fn estate(hosts: usize) -> Result<Estate> {
    Estate::start(hosts, 1, Serving::Dynamic).await
}

/// An estate, and a process per service that knows its hosts and policies.
pub async fn fleet(hosts: usize) -> Result<(Estate, Fleet)> {
    let estate = estate(hosts).await?;
    let fleet = Fleet::start(&estate).await?;
    import(&fleet.api, &estate).await?;
    Ok((estate, fleet))
}

pub async fn import(api: &Api, estate: &Estate) -> Result<()> {
    api.import("hosts", &estate.hosts()).await?;
    api.import("policies", &estate.policies()).await
}

/// Renews everything, and waits until each run has an order at this CA, which cannot look at any name.
pub async fn with_orders_open(api: &Api, ca: &Pebble) -> Result<Vec<String>> {
    ca.dns_peer().signal(Signal::STOP)?;
    let runs: Vec<String> = api.renew(None).await?.into_values().collect();
    for run in &runs {
        wait::until_ok(&format!("an order of run {run}"), SOON, async || {
            let shown = api.run(run).await?;
            let opened = format!("{:?}", shown.steps).contains("order opened at the CA");
            ensure!(
                opened && shown.run.standing.because == Some(Because::Working),
                "{shown:?}"
            );
            Ok(())
        })
        .await?;
    }
    Ok(runs)
}

/// Every run succeeded, and the CA issued one certificate per host, no more: its log and its records agree.
pub async fn all_succeed_with_one_certificate_each(api: &Api, estate: &Estate) -> Result<()> {
    let hosts = estate.nginx.hosts();
    let counts = api.all_settled(bound(hosts.len())).await?;
    let succeeded = usize::try_from(counts[Status::Succeeded])?;
    ensure!(
        succeeded == hosts.len(),
        "not all succeeded: {counts:?}\n{}",
        unhappy(api).await?
    );
    let issued = issued_by_name(estate).await?;
    let expected = hosts.iter().map(|host| (host.clone(), 1)).collect();
    ensure!(issued == expected, "issued by the CA: {issued:?}");
    ensure!(estate.issued() == hosts.len(), "the CA's log says {}", estate.issued());
    Ok(())
}

pub async fn issued_by_name(estate: &Estate) -> Result<BTreeMap<String, usize>> {
    let mut issued = BTreeMap::new();
    for certificate in estate.pebbles[0].issued_certificates().await? {
        for name in certificate.names {
            *issued.entry(name).or_default() += 1;
        }
    }
    Ok(issued)
}

/// The runs that did not succeed, for the message of a story that fails.
async fn unhappy(api: &Api) -> Result<String> {
    let runs = api.runs().await?.into_iter().map(|run| run.standing);
    let told = runs.filter(|run| run.status != Status::Succeeded).map(|run| {
        format!(
            "{} {:?} at {:?}: {:?} {:?}\n",
            run.hostname, run.status, run.step, run.question, run.failure
        )
    });
    Ok(told.collect())
}

/// Waits until the CA has issued at least so many, and makes sure that runs are still on their way.
pub async fn in_flight_after(api: &Api, estate: &Estate, issued: usize) -> Result<()> {
    let what = format!("{issued} certificates");
    wait::until(&what, bound(estate.nginx.hosts().len()), async || {
        (estate.issued() >= issued).then_some(())
    })
    .await?;
    let counts = wait::until_ok("the counts", SOON, async || api.counts().await).await?;
    let open = counts[Status::Queued] + counts[Status::Running];
    ensure!(open > 0, "the batch ended too early for this story: {counts:?}");
    Ok(())
}

/// The incidents of a run, once there is one.
pub async fn incidents_of(api: &Api, run: &str) -> Result<Vec<Incident>> {
    let run: RunId = run.parse()?;
    wait::until("an incident", SOON, async || {
        let mut all = api.incidents().await.ok()?;
        all.retain(|shown| shown.incident.run_id == Some(run));
        (!all.is_empty()).then_some(all)
    })
    .await
}

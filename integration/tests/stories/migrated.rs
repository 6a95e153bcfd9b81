//! A record of the first version with numbered migrations comes to this version, and what was open in it goes on.

use anyhow::{Context, Result, ensure};
use domain::incident::State;
use domain::job::JobState;
use domain::run::Status;
use integration::fleet::{Former, bound};
use integration::{Estate, Fleet};
use testkit::{Serving, wait};

use crate::world::SOON;

const DUMP: &str = include_str!("records/after_squash.sql");
/// Made for the dump, and used for nothing else.
const ROOT_KEY: [u8; 32] = [
    0xab, 0x30, 0x7b, 0xad, 0xb8, 0xa5, 0xa8, 0xc8, 0x12, 0xe3, 0x7d, 0xba, 0x7f, 0x86, 0x6e, 0x15, 0x96, 0xdb, 0xbc,
    0x5a, 0x54, 0x63, 0x75, 0x5c, 0x88, 0xed, 0x52, 0x1d, 0x6c, 0x9a, 0x2c, 0xa6,
];
const RENEWED: &str = "host-0001.demo.test";
const ASKING: &str = "host-0002.demo.test";
/// Their CA was away; the first two are a job that was paused then.
const WAITING: [&str; 3] = ["host-0005.demo.test", "host-0006.demo.test", "host-0007.demo.test"];

/// The dump, with the addresses of the servers that are there now.
fn former(estate: &Estate) -> Result<Former> {
    let at = estate.nginx.address().port().to_string();
    let files = estate.nginx.files(RENEWED).chain;
    let files = files.parent().context("a directory")?.display().to_string();
    let first = estate.pebbles[0].directory_url();
    let (_, port) = first.rsplit_once(':').context("a port")?;
    let port = port.trim_end_matches("/dir");
    let dump = DUMP
        .replace("@PORT@", &at)
        .replace("@FILES@", &files)
        .replace("@CA_0@", &first)
        .replace("@CA_0_PORT@", port)
        .replace("@CA_1@", &estate.pebbles[1].directory_url());
    Ok(Former {
        dump,
        root_key: ROOT_KEY,
    })
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn open_runs_jobs_and_incidents_of_a_former_version_go_on() -> Result<()> {
    let mut estate = Estate::start(8, 2, Serving::PerHost).await?;
    // What failed when the dump was taken works now.
    let reload = estate.nginx.reload_command();
    estate.allow("picky", &reload);
    let fleet = Fleet::on(former(&estate)?, &estate).await?;
    let api = &fleet.api;

    let renewed = &api.runs_of(RENEWED).await?[0];
    ensure!(renewed.standing.status == Status::Succeeded, "{renewed:?}");
    let history = api.run(renewed.standing.id).await?;
    let last = history.steps.last().context("its steps")?;
    ensure!(last.step == "verify" && last.outcome == "done", "{history:?}");
    let jobs = api.jobs().await?;
    let planned = jobs.iter().find(|job| job.state == JobState::Planned);
    ensure!(planned.is_some_and(|job| job.totals.included == 2), "{jobs:?}");

    // The CA had no order of these runs: each gets one.
    let [_, _, alone] = WAITING;
    let run = api.runs_of(alone).await?[0].standing.id.to_string();
    api.succeeds(&run, SOON).await?;
    let running = jobs.iter().find(|job| job.state == JobState::Running);
    let job = running.context("a job that runs")?;
    ensure!(job.paused_by.as_deref() == Some("owner"), "{job:?}");
    api.resume_job(job.id, "the CA is back").await?;
    let ended = wait::until("the job has ended", bound(2), async || {
        api.job(job.id)
            .await
            .ok()
            .filter(|found| found.job.state == JobState::Ended)
    });
    let ended = ended.await?;
    ensure!(ended.progress.succeeded == 2, "{ended:?}");

    // This one has its certificate: it is deployed with the key that was sealed then, and not ordered again.
    let run = api.runs_of(ASKING).await?[0].standing.id.to_string();
    let asking = api.run(&run).await?;
    ensure!(asking.run.standing.status == Status::NeedsManual, "{asking:?}");
    let incident = &api.incidents().await?[0];
    ensure!(incident.incident.state == State::Acknowledged, "{incident:?}");
    api.resume(&run).await?;
    api.succeeds(&run, SOON).await?;
    wait::until("the incident is closed", SOON, async || {
        let shown = api.incident(incident.incident.id).await.ok()?;
        (shown.incident.incident.state == State::Closed).then_some(())
    })
    .await?;

    ensure!(
        estate.pebbles[0].issued() == 0,
        "{} at the first CA",
        estate.pebbles[0].issued()
    );
    let mut issued: Vec<String> = Vec::new();
    for certificate in estate.pebbles[1].issued_certificates().await? {
        issued.extend(certificate.names);
    }
    issued.sort();
    ensure!(issued == WAITING, "{issued:?}");
    Ok(())
}

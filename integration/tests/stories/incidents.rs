//! Trouble that people hear of: one incident for one cause, told once, closed by itself when it is mended.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::health::EngineWord;
use api::incidents::{IncidentDetail, NotificationState};
use api::runs::StepRecord;
use domain::disposition::ErrorCode;
use domain::incident::{Cause, Remark, State};
use domain::run::Status;
use integration::fleet::{Up, bound};
use integration::{Api, Estate};
use serde_json::json;
use testkit::{MailServer, MailTls, wait};

use crate::world::{SOON, estate};

const OPS: &str = "ops@example.org";
/// What gathers for a minute, and a slow machine.
const PATIENTLY: Duration = Duration::from_secs(240);

/// A Vigilo that tells ops of every failure in the estate by mail.
async fn telling(estate: &Estate, mail: &MailServer) -> Result<Up> {
    let incident = json!({
        "smtp": {"host": "127.0.0.1", "port": mail.port(), "tls": "none", "from": "vigilo@example.org"},
        "retry": {"rungs_seconds": [1, 1, 1], "then_seconds": 1}, "gather_seconds": 2, "watch_seconds": 1,
    });
    let up = Up::start_with(estate, json!({ "incident": incident })).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    for policy in &mut policies {
        policy.notify_on_failure = vec![OPS.to_owned()];
    }
    up.api.import("policies", &policies).await?;
    Ok(up)
}

/// Waits until an incident is as expected, and shows the whole of it.
async fn incident(api: &Api, what: &str, is: impl Fn(&IncidentDetail) -> bool) -> Result<IncidentDetail> {
    wait::until_ok(what, PATIENTLY, async || {
        let all = api.incidents().await?;
        for head in &all {
            let whole = api.incident(head.incident.id).await?;
            if is(&whole) {
                return Ok(whole);
            }
        }
        bail!("of {} incidents none is like that: {:?}", all.len(), all.first())
    })
    .await
}

/// Waits until an incident has closed by itself; gives it and why.
async fn closed(api: &Api, what: &str) -> Result<(IncidentDetail, Remark)> {
    let whole = incident(api, what, |one| one.incident.incident.state == State::Closed).await?;
    let word = whole.incident.incident.closed.clone().context("who closed it")?;
    ensure!(word.by == Remark::OWN, "{word:?}");
    Ok((whole, word))
}

fn subjects(mail: &MailServer) -> Vec<String> {
    let all = mail.mails();
    all.iter()
        .map(|mail| mail.header("Subject").unwrap_or_default())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn two_hundred_hosts_with_one_cause_are_one_incident_and_few_mails() -> Result<()> {
    const HOSTS: i64 = 200;
    let (estate, mail) = (estate(200).await?, MailServer::start(MailTls::None, None).await?);
    let up = telling(&estate, &mail).await?;
    // The directory of every target is gone, as when a file system is not mounted.
    let files = estate.nginx.files(&estate.nginx.hosts()[0]).chain;
    let mounted = PathBuf::from(&files).parent().context("a directory")?.to_path_buf();
    let away = mounted.with_extension("away");
    std::fs::rename(&mounted, &away)?;

    let runs = up.api.renew(None).await?;
    let counts = up.api.all_settled(bound(200)).await?;
    ensure!(counts[Status::NeedsManual] == 200, "{counts:?}");
    let whole = incident(&up.api, "one incident of all hosts", |one| {
        one.incident.members_total == HOSTS
    })
    .await?;
    let head = &whole.incident.incident;
    ensure!(head.common && whole.incident.members_open == HOSTS, "{}", head.title);
    let cause = Cause {
        code: ErrorCode::new("DEP-0005"),
        step: "issue".to_owned(),
    };
    ensure!(head.cause == Some(cause), "{:?}", head.cause);
    let mut members: Vec<String> = whole.members.iter().map(|one| one.run_id.to_string()).collect();
    members.sort_unstable();
    let mut expected: Vec<String> = runs.values().cloned().collect();
    expected.sort_unstable();
    ensure!(members == expected, "every run is in it once");
    let all = up.api.incidents().await?;
    ensure!(all.len() == 1, "{all:?}");

    wait::until("a mail that says how many", PATIENTLY, async || {
        subjects(&mail)
            .iter()
            .any(|subject| subject.contains("200 hosts"))
            .then_some(())
    })
    .await?;
    ensure!(mail.mails().len() <= 10, "{:?}", subjects(&mail));

    std::fs::rename(&away, &mounted)?;
    for run in runs.values() {
        up.api.resume(&run).await?;
    }
    let counts = up.api.all_settled(bound(200)).await?;
    ensure!(counts[Status::Succeeded] == 200, "{counts:?}");
    let (whole, word) = closed(&up.api, "the incident to close by itself").await?;
    ensure!(whole.incident.members_open == 0, "{word:?}");
    wait::until("a mail that it is closed", PATIENTLY, async || {
        subjects(&mail)
            .last()
            .is_some_and(|subject| subject.contains("closed: 200 hosts"))
            .then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_mail_server_that_is_down_is_seen_and_gets_each_mail_once_when_it_is_back() -> Result<()> {
    let (estate, mut mail) = (estate(1).await?, MailServer::start(MailTls::None, None).await?);
    let up = telling(&estate, &mail).await?;
    let (ca, host) = (&estate.pebbles[0], estate.nginx.hosts()[0].as_str());
    mail.stop().await;
    ca.break_dns(host).await?;
    let first = up.api.renew(None).await?[host].clone();
    up.api.reaches(&first, Status::NeedsManual, SOON).await?;

    let failing = incident(&up.api, "a mail that fails", |one| {
        one.notifications.first().is_some_and(|told| told.attempts > 1)
    })
    .await?;
    let told = &failing.notifications[0];
    ensure!(
        told.state == NotificationState::Failing && told.recipient == OPS,
        "{told:?}"
    );
    let error = told.last_error.as_ref();
    ensure!(error.is_some_and(|said| said.starts_with("INC-0003")), "{told:?}");
    ensure!(up.api.health().await?.notifications == EngineWord::Failing);
    let shown = up.command(&["incidents"])?.output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.contains("not told: 1 tried again"), "{shown}");

    mail.start_again().await?;
    incident(&up.api, "the mail to be delivered", |one| {
        one.notifications
            .first()
            .is_some_and(|told| told.state == NotificationState::Delivered)
    })
    .await?;
    ensure!(up.api.health().await?.notifications == EngineWord::Ok);
    let said = subjects(&mail);
    ensure!(
        said.len() == 1 && said[0].contains(host) && said[0].contains("ISS-0007"),
        "{said:?}"
    );

    // The next run of the host fails too: it joins.
    up.api.cancel(&first).await?;
    up.api.reaches(&first, Status::Cancelled, SOON).await?;
    let second = up.api.renew(None).await?[host].clone();
    up.api.reaches(&second, Status::NeedsManual, SOON).await?;
    let joined = incident(&up.api, "both runs in one", |one| one.incident.members_total == 2).await?;
    ensure!(
        joined.incident.incident.id == failing.incident.incident.id,
        "{joined:?}"
    );

    // It is mended: the incident closes by itself and says by what.
    ca.mend_dns(host).await?;
    up.api.resume(&second).await?;
    up.api.succeeds(&second, SOON).await?;
    let (_, word) = closed(&up.api, "the incident to close").await?;
    ensure!(word.note == format!("run {second} succeeded"), "{word:?}");
    let all_told = incident(&up.api, "everything to be told", |one| {
        let mut told = one.notifications.iter().map(|told| told.state);
        one.incident.incident.state == State::Closed && told.all(|state| state == NotificationState::Delivered)
    })
    .await?;
    let changes: Vec<&str> = all_told.changes.iter().map(|one| one.change.as_str()).collect();
    ensure!(
        changes == ["opened", "given_up", "attached", "closed"],
        "the first was cancelled, the second joined: {changes:?}"
    );
    let said = subjects(&mail);
    ensure!(
        said.iter().filter(|subject| subject.contains("opened")).count() == 1,
        "{said:?}"
    );
    ensure!(
        said.last().is_some_and(|subject| subject.contains("closed")),
        "{said:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_says_whether_people_could_be_told() -> Result<()> {
    let (estate, mut mail) = (estate(1).await?, MailServer::start(MailTls::None, None).await?);
    let up = telling(&estate, &mail).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let good = rehearsed(&up.api, host, Status::Succeeded).await?;
    ensure!(says(&good, OPS, true), "{good:?}");
    ensure!(mail.mails().is_empty() && mail.sessions() > 0, "nothing is sent");
    mail.refuse(OPS);
    let refused = rehearsed(&up.api, host, Status::Failed).await?;
    ensure!(says(&refused, "550", false), "{refused:?}");
    mail.stop().await;
    let down = rehearsed(&up.api, host, Status::Failed).await?;
    ensure!(says(&down, "the mail server 127.0.0.1", false), "{down:?}");
    let none = up.api.incidents().await?;
    ensure!(none.is_empty(), "a rehearsal opens no incident: {none:?}");
    Ok(())
}

/// The checks of the channels in a dry run that ends so.
async fn rehearsed(api: &Api, host: &str, ends: Status) -> Result<StepRecord> {
    let run = api.rehearse(host).await?;
    let run = api.reaches(&run, ends, SOON).await?;
    let step = run.steps.into_iter().find(|step| step.step == "channels");
    step.context("the step of the channels")
}

fn says(step: &StepRecord, words: &str, passed: bool) -> bool {
    let mut found = step.checks.iter().filter(|check| check.passed == passed);
    found.any(|check| check.name.contains(words) || check.evidence.contains(words))
}

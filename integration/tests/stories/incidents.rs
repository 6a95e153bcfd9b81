//! Trouble that people hear of: one incident for one cause, told once, closed by itself when it is mended.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use integration::fleet::{Up, bound};
use integration::{Api, Estate};
use serde_json::{Value, json};
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
        policy["notify_on_failure"] = json!([OPS]);
    }
    up.api.import("policies", &policies).await?;
    Ok(up)
}

/// Waits until an incident is as expected, and shows the whole of it.
async fn incident(api: &Api, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    wait::until_ok(what, PATIENTLY, async || {
        let all = api.get("/incidents?limit=1000").await?;
        for head in all["items"].as_array().context("a page")? {
            let whole = api
                .get(&format!("/incidents/{}", head["id"].as_str().unwrap_or_default()))
                .await?;
            if is(&whole) {
                return Ok(whole);
            }
        }
        anyhow::bail!(
            "of {} incidents none is like that: {}",
            all["items"].as_array().map_or(0, Vec::len),
            all["items"][0]
        )
    })
    .await
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
    const HOSTS: u64 = 200;
    let (estate, mail) = (estate(200).await?, MailServer::start(MailTls::None, None).await?);
    let up = telling(&estate, &mail).await?;
    // The directory of every target is gone, as when a file system is not mounted.
    let files = estate.nginx.files(&estate.nginx.hosts()[0]).chain;
    let mounted = PathBuf::from(&files).parent().context("a directory")?.to_path_buf();
    let away = mounted.with_extension("away");
    std::fs::rename(&mounted, &away)?;

    let runs = up.api.renew(None).await?;
    let counts = up.api.all_settled(bound(200)).await?;
    ensure!(counts["needs_manual"] == HOSTS, "{counts:?}");
    let whole = incident(&up.api, "one incident of all hosts", |one| {
        one["members_total"] == HOSTS
    })
    .await?;
    ensure!(
        whole["common"] == true && whole["members_open"] == HOSTS,
        "{}",
        whole["title"]
    );
    ensure!(
        whole["cause"] == json!({"code": "DEP-0005", "step": "issue"}),
        "{}",
        whole["cause"]
    );
    let mut members: Vec<&str> = whole["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["run_id"].as_str())
        .collect();
    members.sort_unstable();
    let mut expected: Vec<&str> = runs.values().map(String::as_str).collect();
    expected.sort_unstable();
    ensure!(members == expected, "every run is in it once");
    let all = up.api.get("/incidents?limit=1000").await?;
    ensure!(all["items"].as_array().map(Vec::len) == Some(1), "{all}");

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
        up.api.post(&format!("/runs/{run}/resume"), &Value::Null).await?;
    }
    let counts = up.api.all_settled(bound(200)).await?;
    ensure!(counts["succeeded"] == HOSTS, "{counts:?}");
    let closed = incident(&up.api, "the incident to close by itself", |one| {
        one["state"] == "closed"
    })
    .await?;
    ensure!(
        closed["closed"]["by"] == "vigilo" && closed["members_open"] == 0,
        "{}",
        closed["closed"]
    );
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
    up.api.run_is(&first, "needs_manual", SOON).await?;

    let failing = incident(&up.api, "a mail that fails", |one| {
        one["notifications"][0]["attempts"].as_i64() > Some(1)
    })
    .await?;
    let told = &failing["notifications"][0];
    ensure!(told["state"] == "failing" && told["recipient"] == OPS, "{told}");
    ensure!(
        told["last_error"]
            .as_str()
            .is_some_and(|said| said.starts_with("INC-0003")),
        "{told}"
    );
    ensure!(up.api.get("/health").await?["notifications"] == "failing");
    let shown = up.command(&["incidents"])?.output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.contains("not told: 1 tried again"), "{shown}");

    mail.start_again().await?;
    incident(&up.api, "the mail to be delivered", |one| {
        one["notifications"][0]["state"] == "delivered"
    })
    .await?;
    ensure!(up.api.get("/health").await?["notifications"] == "ok");
    let said = subjects(&mail);
    ensure!(
        said.len() == 1 && said[0].contains(host) && said[0].contains("ISS-0007"),
        "{said:?}"
    );

    // The next run of the host fails too: it joins.
    up.api.post(&format!("/runs/{first}/cancel"), &Value::Null).await?;
    up.api.run_is(&first, "cancelled", SOON).await?;
    let second = up.api.renew(None).await?[host].clone();
    up.api.run_is(&second, "needs_manual", SOON).await?;
    let joined = incident(&up.api, "both runs in one", |one| one["members_total"] == 2).await?;
    ensure!(joined["id"] == failing["id"], "{joined}");

    // It is mended: the incident closes by itself and says by what.
    ca.mend_dns(host).await?;
    up.api.post(&format!("/runs/{second}/resume"), &Value::Null).await?;
    up.api.run_is(&second, "succeeded", SOON).await?;
    let closed = incident(&up.api, "the incident to close", |one| one["state"] == "closed").await?;
    let word = &closed["closed"];
    ensure!(
        word["by"] == "vigilo" && word["note"] == format!("run {second} succeeded"),
        "{word}"
    );
    let told = |one: &Value| {
        one["notifications"]
            .as_array()
            .is_some_and(|all| all.iter().all(|n| n["state"] == "delivered"))
    };
    let closed = incident(&up.api, "everything to be told", |one| {
        one["state"] == "closed" && told(one)
    })
    .await?;
    let changes: Vec<&str> = closed["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|c| c["change"].as_str())
        .collect();
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
    let good = rehearsed(&up.api, host, "succeeded").await?;
    ensure!(says(&good, OPS, true), "{good}");
    ensure!(mail.mails().is_empty() && mail.sessions() > 0, "nothing is sent");
    mail.refuse(OPS);
    let refused = rehearsed(&up.api, host, "failed").await?;
    ensure!(says(&refused, "550", false), "{refused}");
    mail.stop().await;
    let down = rehearsed(&up.api, host, "failed").await?;
    ensure!(says(&down, "the mail server 127.0.0.1", false), "{down}");
    let none = up.api.get("/incidents").await?;
    ensure!(none["items"] == json!([]), "a rehearsal opens no incident: {none}");
    Ok(())
}

/// The checks of the channels in a dry run that ends so.
async fn rehearsed(api: &Api, host: &str, ends: &str) -> Result<Value> {
    let answer = api
        .post("/renewals", &json!({"hostnames": [host], "mode": "dry_run"}))
        .await?;
    let run = answer["accepted"][0]["run_id"].as_str().context("a run")?.to_owned();
    let run = api.run_is(&run, ends, SOON).await?;
    let step = run["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|step| step["step"] == "channels");
    Ok(step.context("the step of the channels")?.clone())
}

fn says(step: &Value, words: &str, passed: bool) -> bool {
    let all = step["checks"].as_array().into_iter().flatten();
    let mut found = all.filter(|check| check["passed"] == passed);
    found.any(|check| check.to_string().contains(words))
}

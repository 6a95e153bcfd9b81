//! The contract on NATS: every service and every other system logs in as itself and can do what it is for, no more; and
//! a program in another language asks, is answered, and sees what becomes of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use integration::fleet::vigilo;
use integration::{Estate, Fleet, Member};
use serde_json::{Value, json};
use testkit::async_nats::{Client, ConnectOptions, Event, HeaderMap};
use testkit::tools::clients_python;
use testkit::{Nats, run_dir};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::world::{SOON, all_succeed_with_one_certificate_each, estate, import};

/// A fleet whose NATS knows the users of `vigilo nats-config`, among them those of the workspaces `default` and `other`.
struct Guarded {
    estate: Estate,
    fleet: Fleet,
    secrets: PathBuf,
}

async fn guarded(hosts: usize) -> Result<Guarded> {
    let secrets = run_dir::fresh("secrets", None)?;
    let mut command = Command::new(vigilo()?);
    command.args([
        "nats-config",
        "--make-secrets",
        "--workspace",
        "default",
        "--workspace",
        "other",
    ]);
    let made = command.arg("--secrets").arg(&secrets).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let nats = Nats::start_with(std::str::from_utf8(&made.stdout)?).await?;
    let estate = estate(hosts).await?;
    let fleet = Fleet::guarded(&estate, nats, &secrets).await?;
    import(&fleet.api, &estate).await?;
    Ok(Guarded { estate, fleet, secrets })
}

/// Somebody at NATS, and what the server tells it.
struct Somebody {
    client: Client,
    told: UnboundedReceiver<String>,
}

impl Guarded {
    async fn login(&self, user: &str) -> Result<Somebody> {
        let password = std::fs::read_to_string(self.secrets.join(user))?.trim().to_owned();
        let (tell, told) = unbounded_channel();
        let options = ConnectOptions::with_user_and_password(user.to_owned(), password)
            .custom_inbox_prefix(format!("_INBOX.{user}"))
            .event_callback(move |event| {
                let tell = tell.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        // Nobody listens any more when the story is over.
                        let _ = tell.send(error.to_string());
                    }
                }
            });
        let client = options.connect(self.fleet.nats.url()).await?;
        Ok(Somebody { client, told })
    }

    /// The example client as this user; gives its exit code and what it printed.
    async fn python(&self, user: &str, args: &[&str]) -> Result<(Option<i32>, Vec<Value>)> {
        self.client("renew.py", user, args).await
    }

    async fn client(&self, name: &str, user: &str, args: &[&str]) -> Result<(Option<i32>, Vec<Value>)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python").join(name);
        let mut command = tokio::process::Command::new(clients_python());
        command
            .arg(script)
            .args(["--server", &self.fleet.nats.url(), "--user", user, "--password-file"])
            .arg(self.secrets.join(user))
            .args(args);
        let output: Output = tokio::time::timeout(2 * SOON, command.kill_on_drop(true).output()).await??;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        ensure!(!lines.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), lines))
    }
}

impl Somebody {
    /// Sends a request as any client does; gives the planner's answer.
    async fn asks(&self, subject: &str, body: &Value) -> Result<Value> {
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        let mut headers = HeaderMap::new();
        headers.insert("vigilo-reply-to", inbox.as_str());
        self.client
            .publish_with_headers(subject.to_owned(), headers, body.to_string().into())
            .await?;
        let answer = tokio::time::timeout(SOON, answers.next()).await?;
        Ok(serde_json::from_slice(&answer.context("no answer")?.payload)?)
    }

    /// Waits until the server has refused something that concerns the subject.
    async fn was_denied(&mut self, subject: &str) -> Result<()> {
        self.client.flush().await?;
        let denied = async {
            while let Some(error) = self.told.recv().await {
                let error = error.to_lowercase();
                if error.contains("permissions violation") && error.contains(subject) {
                    return Ok(());
                }
            }
            anyhow::bail!("the connection ended")
        };
        let waited = tokio::time::timeout(SOON, denied).await;
        waited.with_context(|| format!("{subject} was not denied"))?
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wheel_turns_with_a_user_per_service_and_none_steps_out_of_its_row() -> Result<()> {
    let world = guarded(4).await?;
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    for member in Member::ALL {
        let log = world.fleet.member(member)?.log().to_lowercase();
        // Who starts before the planner tries to make the streams, and waits for it.
        let too_early = |line: &str| line.contains("$js.api.stream.update.");
        let lacking = log
            .lines()
            .find(|line| line.contains("permissions violation") && !too_early(line));
        ensure!(lacking.is_none(), "{member:?} lacks a right: {lacking:?}");
    }

    for worker in ["issuer", "deployer", "key-signer", "verifier", "incident"] {
        let mut worker = world.login(worker).await?;
        let request = "vigilo.request.default.renew";
        worker.client.publish(request, "{}".into()).await?;
        worker.was_denied(request).await?;
        let _orders = worker.client.subscribe("vigilo.order.>").await?;
        worker.was_denied("vigilo.order.>").await?;
    }
    let mut other = world.login("ws-other").await?;
    let request = "vigilo.request.default.renew";
    other.client.publish(request, "{}".into()).await?;
    other.was_denied(request).await?;
    let _events = other.client.subscribe("vigilo.run.default.>").await?;
    other.was_denied("vigilo.run.default.>").await?;
    let _everything = other.client.subscribe("_INBOX.console.>").await?;
    other.was_denied("_inbox.console.>").await?;
    foreign_consumers_are_refused(&mut other).await
}

/// What the subject says is what counts: a consumer with another filter in its body is not made.
async fn foreign_consumers_are_refused(other: &mut Somebody) -> Result<()> {
    let foreign = "$JS.API.CONSUMER.CREATE.RUNS.ws-other-1.vigilo.run.default.>";
    other.client.publish(foreign, "{}".into()).await?;
    other.was_denied("vigilo.run.default.>").await?;
    let inbox = other.client.new_inbox();
    let lie = json!({"stream_name": "RUNS", "action": "create", "config": {
        "name": "ws-other-1", "filter_subject": "vigilo.run.default.>", "deliver_subject": inbox, "ack_policy": "none",
    }});
    let own = "$JS.API.CONSUMER.CREATE.RUNS.ws-other-1.vigilo.run.other.>";
    let answer = other.client.request(own, lie.to_string().into()).await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    ensure!(answer["error"].is_object(), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_in_another_language_asks_for_a_renewal_and_sees_its_end() -> Result<()> {
    let world = guarded(1).await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let before = world.estate.served().await?;
    let (code, lines) = world.python("ws-default", &[host, "--key", "night-1"]).await?;
    ensure!(code == Some(0), "{lines:?}");
    let answer = lines[0].clone();
    let run = answer["answer"]["accepted"][0]["run_id"].as_str().context("a run")?;
    let last = lines.last().context("an event")?;
    ensure!(
        last["event"]["status"] == "succeeded" && last["event"]["run_id"] == run,
        "{last}"
    );
    ensure!(world.estate.served().await? != before, "the new certificate is served");

    let (code, twin) = world.python("ws-default", &[host, "--key", "night-1"]).await?;
    ensure!(code == Some(0) && twin[0] == answer, "{twin:?} instead of {answer}");
    let runs = world.fleet.api.get(&format!("/runs?hostname={host}")).await?;
    ensure!(runs["items"].as_array().is_some_and(|all| all.len() == 1), "{runs}");
    ensure!(world.estate.issued() == 1);

    let nonsense = [
        (r#"{"hostnames": "all of them"}"#, "payload"),
        ("renew everything, please", "payload"),
        (
            r#"{"schema": 99, "hostnames": ["a.example"], "idempotency_key": "k", "requested_by": "x"}"#,
            "schema",
        ),
        (
            r#"{"hostnames": [], "idempotency_key": "k", "requested_by": "x"}"#,
            "hostnames",
        ),
    ];
    for (text, field) in nonsense {
        let (code, lines) = world.python("ws-default", &["--raw", text]).await?;
        let answer = &lines[0]["answer"];
        ensure!(code == Some(2) && answer["answer"] == "rejected", "{text}: {lines:?}");
        let spoken = ["problem", "remedy"]
            .iter()
            .all(|part| answer["reason"][part].is_string());
        ensure!(answer["reason"]["field"] == field && spoken, "{text}: {answer}");
    }

    let (code, lines) = world.python("ws-other", &[host, "--workspace", "default"]).await?;
    let error = lines[0]["error"].as_str().unwrap_or_default().to_lowercase();
    ensure!(code == Some(3) && error.contains("permissions violation"), "{lines:?}");
    ensure!(world.estate.issued() == 1);
    the_cli_replays(&world, run)
}

fn the_cli_replays(world: &Guarded, run: &str) -> Result<()> {
    let output = world.fleet.command(&["events", "--json"])?.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let events: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
    let statuses: Vec<Value> = events?
        .iter()
        .filter(|event| event["run_id"] == run)
        .map(|event| event["status"].clone())
        .collect();
    ensure!(
        statuses.ends_with(&[json!("running"), json!("succeeded")]),
        "{statuses:?}"
    );
    let later = world
        .fleet
        .command(&["events", "--json", "--since", "2999-01-01T00:00:00Z"])?
        .output()?;
    ensure!(later.status.success() && later.stdout.is_empty(), "{later:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_in_another_language_plans_a_bulk_renewal_and_commits_it() -> Result<()> {
    let world = guarded(3).await?;
    let spec = json!({"filter": {"hostname_glob": "*"}, "reason": "the night plan of another system"}).to_string();
    let asked = ["--spec", spec.as_str(), "--key", "night-2"];
    let (code, lines) = world.client("bulk.py", "ws-default", &asked).await?;
    let plan = &lines.last().context("an answer")?["answer"];
    ensure!(code == Some(0) && plan["state"] == "planned", "{lines:?}");
    ensure!(plan["totals"]["included"] == 3, "{plan}");
    ensure!(world.estate.issued() == 0, "nothing happens before the commit");

    let twin = [&asked[..], &["--commit"]].concat();
    let (code, lines) = world.client("bulk.py", "ws-default", &twin).await?;
    let end = &lines.last().context("an answer")?["answer"];
    ensure!(code == Some(0) && end["job_id"] == plan["job_id"], "{lines:?}");
    ensure!(end["state"] == "ended" && end["progress"]["succeeded"] == 3, "{end}");
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    strange_bulks_are_refused(&world, plan["job_id"].as_str().context("a job")?).await
}

async fn strange_bulks_are_refused(world: &Guarded, job: &str) -> Result<()> {
    for (spec, field) in [
        (r#"{"filter": {"colour": "red"}}"#, "payload"),
        (r#"{"filter": {}, "concurrency": 0}"#, "concurrency"),
        (r#"{"filter": {}, "ends_at": "2001-01-01T00:00:00Z"}"#, "ends_at"),
    ] {
        let (code, lines) = world.client("bulk.py", "ws-default", &["--spec", spec]).await?;
        let reason = &lines[0]["answer"]["reason"];
        ensure!(code == Some(2) && reason["field"] == field, "{spec}: {lines:?}");
        ensure!(reason["remedy"].is_string(), "{spec}: {lines:?}");
    }
    let all = r#"{"filter": {}}"#;
    let forbidden = ["--workspace", "default", "--spec", all];
    let (code, lines) = world.client("bulk.py", "ws-other", &forbidden).await?;
    let error = lines[0]["error"].as_str().unwrap_or_default().to_lowercase();
    ensure!(code == Some(3) && error.contains("permissions violation"), "{lines:?}");
    words_about_a_job_are_answered(world, job).await
}

/// By the names that are written now and by those of the first versions.
async fn words_about_a_job_are_answered(world: &Guarded, job: &str) -> Result<()> {
    let somebody = world.login("ws-default").await?;
    for (verb, answered) in [
        ("job-show", "job_stands"),
        ("job-pause", "rejected"),
        ("job_resume", "rejected"),
        ("bulk_commit", "job"),
        ("job-cancel", "job"),
        ("job-delete", "rejected"),
    ] {
        let body = json!({"job_id": job, "requested_by": "cmdb"});
        let answer = somebody.asks(&format!("vigilo.request.default.{verb}"), &body).await?;
        ensure!(answer["answer"] == answered, "{verb}: {answer}");
    }
    Ok(())
}

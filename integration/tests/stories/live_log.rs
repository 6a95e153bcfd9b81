//! The log of a run is seen while it is written, and it is the same log afterwards.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use integration::fleet::Up;
use serde_json::{Value, json};
use testkit::run_dir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::world::{SOON, estate};

/// `vigilo run ID --follow --json`, line by line.
struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Follower {
    fn of(up: &Up, run: &str) -> Result<Self> {
        let mut command = Command::from(up.command(&["run", run, "--follow", "--json"])?);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let seen = Vec::new();
        Ok(Self { child, lines, seen })
    }

    /// Reads until an event is as wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        let read = async {
            while let Some(line) = self.lines.next_line().await? {
                self.seen.push(serde_json::from_str(&line)?);
                if self.seen.last().is_some_and(&wanted) {
                    return Ok(());
                }
            }
            anyhow::bail!("the follower ended without {what}: {:?}", self.seen)
        };
        tokio::time::timeout(SOON, read)
            .await
            .with_context(|| format!("waiting for {what}"))?
    }

    async fn exit_code(&mut self) -> Result<Option<i32>> {
        Ok(tokio::time::timeout(SOON, self.child.wait()).await??.code())
    }

    /// The lines of the log among what was seen.
    fn log(&self) -> Vec<Value> {
        let mut lines: Vec<Value> = self
            .seen
            .iter()
            .filter(|event| event["event"] == "line")
            .cloned()
            .collect();
        for line in &mut lines {
            line.as_object_mut().map(|line| line.remove("event"));
        }
        lines
    }
}

/// A reload that takes until the file is there.
fn patient(gate: &Path) -> [String; 3] {
    let script = format!("until [ -e {} ]; do sleep 0.05; done; echo reloaded", gate.display());
    ["/bin/sh".to_owned(), "-c".to_owned(), script]
}

/// A policy whose target is activated so.
fn activated_by(policy: &mut Value, name: &str) {
    policy["targets"][0]["activate"] = json!(name);
    policy["targets"][0]["activate_timeout_seconds"] = json!(120);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_run_is_followed_while_its_reload_takes_its_time() -> Result<()> {
    let mut estate = estate(2).await?;
    let gate = run_dir::fresh("gate", None)?.join("open");
    estate.allow("patient", &patient(&gate));
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    activated_by(&mut policies[0], "patient");
    policies[1]["targets"][0]["key_path"] = json!("/no-such-directory/of-this-story/key.pem");
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let (patient, asking) = (&runs[&estate.nginx.hosts()[0]], &runs[&estate.nginx.hosts()[1]]);

    let mut follower = Follower::of(&up, patient)?;
    follower
        .until("a check of the deployment", |event| {
            event["step"] == "deploy-0" && event["message"] == "installed"
        })
        .await?;
    let now = up.api.get(&format!("/runs/{patient}")).await?;
    ensure!(now["status"] == "running" && now["step"] == "deploy-0", "{now}");
    let ended = now["steps"].as_array().into_iter().flatten();
    ensure!(
        ended.into_iter().all(|step| step["step"] != "deploy-0"),
        "it was seen too late: {now}"
    );
    let mut late = Follower::of(&up, patient)?;
    late.until("the same by who comes later", |event| event["message"] == "installed")
        .await?;

    std::fs::write(&gate, "")?;
    for each in [&mut follower, &mut late] {
        each.until("the end", |event| event["event"] == "end").await?;
        ensure!(each.exit_code().await? == Some(0));
    }
    let record = up.api.get(&format!("/runs/{patient}/log")).await?["items"].clone();
    ensure!(
        json!(follower.log()) == record,
        "seen: {:?}\nrecord: {record}",
        follower.log()
    );
    ensure!(late.log() == follower.log(), "seen by who came later: {:?}", late.log());

    let mut follower = Follower::of(&up, asking)?;
    follower
        .until("the question", |event| event["status"] == "needs_manual")
        .await?;
    ensure!(follower.exit_code().await? == Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_reads_on_after_a_restart() -> Result<()> {
    let mut estate = estate(1).await?;
    let gate = run_dir::fresh("gate", None)?.join("open");
    estate.allow("patient", &patient(&gate));
    let mut up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    activated_by(&mut policies[0], "patient");
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let run = runs.values().next().context("a run")?;
    let mut follower = Follower::of(&up, run)?;
    follower
        .until("a check of the deployment", |event| event["message"] == "installed")
        .await?;

    std::fs::write(&gate, "")?;
    up.start_again_with(json!({})).await?;
    follower.until("the end", |event| event["event"] == "end").await?;
    ensure!(follower.exit_code().await? == Some(0));
    let log = follower.log();
    let once: std::collections::BTreeSet<String> = log.iter().map(Value::to_string).collect();
    ensure!(once.len() == log.len(), "a line came twice: {log:?}");
    let record = up.api.get(&format!("/runs/{run}/log")).await?["items"].clone();
    let record = record.as_array().context("a log")?;
    ensure!(
        record.iter().all(|line| log.contains(line)),
        "seen: {log:?}\nrecord: {record:?}"
    );
    Ok(())
}

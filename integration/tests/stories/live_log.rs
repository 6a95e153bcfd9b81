//! The log of a run is seen while it is written, and it is the same log afterwards.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use api::runs::{Line, Standing};
use domain::run::{Status, Step};
use integration::estate::{activate_by, target_of};
use integration::fleet::Up;
use serde::Deserialize;
use serde_json::json;
use testkit::run_dir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::world::{SOON, estate};

/// A line of `vigilo run ID --follow --json`.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told {
    Line(Line),
    Status(Box<Standing>),
    End(Box<Standing>),
}

impl Told {
    fn says(&self, message: &str) -> bool {
        matches!(self, Self::Line(line) if line.message == message)
    }

    fn is_end(&self) -> bool {
        matches!(self, Self::End(_))
    }

    fn asks(&self) -> bool {
        match self {
            Self::Line(_) => false,
            Self::Status(standing) | Self::End(standing) => standing.status == Status::NeedsManual,
        }
    }
}

/// `vigilo run ID --follow --json`, line by line.
struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Told>,
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
    async fn until(&mut self, what: &str, wanted: impl Fn(&Told) -> bool) -> Result<()> {
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
    fn log(&self) -> Vec<&Line> {
        let seen = self.seen.iter();
        seen.filter_map(|told| match told {
            Told::Line(line) => Some(line),
            Told::Status(_) | Told::End(_) => None,
        })
        .collect()
    }
}

/// A reload that takes until the file is there.
fn patient(gate: &Path) -> [String; 3] {
    let script = format!("until [ -e {} ]; do sleep 0.05; done; echo reloaded", gate.display());
    ["/bin/sh".to_owned(), "-c".to_owned(), script]
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
    activate_by(&mut policies[0], "patient", 120);
    target_of(&mut policies[1]).key_path = "/no-such-directory/of-this-story/key.pem".to_owned();
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let (patient, asking) = (&runs[&estate.nginx.hosts()[0]], &runs[&estate.nginx.hosts()[1]]);

    let mut follower = Follower::of(&up, patient)?;
    follower
        .until(
            "a check of the deployment",
            |told| matches!(told, Told::Line(line) if line.step == "deploy-0" && line.message == "installed"),
        )
        .await?;
    let now = up.api.run(patient).await?;
    let standing = &now.run.standing;
    ensure!(
        standing.status == Status::Running && standing.step == Some(Step::Deploy(0)),
        "{now:?}"
    );
    ensure!(
        now.steps.iter().all(|step| step.step != "deploy-0"),
        "it was seen too late: {now:?}"
    );
    let mut late = Follower::of(&up, patient)?;
    late.until("the same by who comes later", |told| told.says("installed"))
        .await?;

    std::fs::write(&gate, "")?;
    for each in [&mut follower, &mut late] {
        each.until("the end", Told::is_end).await?;
        ensure!(each.exit_code().await? == Some(0));
    }
    let record = up.api.log(patient).await?;
    ensure!(
        follower.log() == record.iter().collect::<Vec<_>>(),
        "seen: {:?}\nrecord: {record:?}",
        follower.log()
    );
    ensure!(late.log() == follower.log(), "seen by who came later: {:?}", late.log());

    let mut follower = Follower::of(&up, asking)?;
    follower.until("the question", Told::asks).await?;
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
    activate_by(&mut policies[0], "patient", 120);
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let run = runs.values().next().context("a run")?;
    let mut follower = Follower::of(&up, run)?;
    follower
        .until("a check of the deployment", |told| told.says("installed"))
        .await?;

    std::fs::write(&gate, "")?;
    up.start_again_with(json!({})).await?;
    follower.until("the end", Told::is_end).await?;
    ensure!(follower.exit_code().await? == Some(0));
    let log = follower.log();
    let once: BTreeSet<String> = log.iter().map(|line| format!("{line:?}")).collect();
    ensure!(once.len() == log.len(), "a line came twice: {log:?}");
    let record = up.api.log(run).await?;
    ensure!(!record.is_empty(), "a log");
    ensure!(
        record.iter().all(|line| log.contains(&line)),
        "seen: {log:?}\nrecord: {record:?}"
    );
    Ok(())
}

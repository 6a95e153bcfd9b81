//! `vigilo events --follow`: what happens is printed while it happens, each thing once, also over a restart of the API.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use domain::run::Status;
use domain::{RunId, Timestamp};
use integration::{Fleet, Member};
use protocol::event::RunEvent;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::world::{SOON, estate, import};

struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<RunEvent>,
}

impl Follower {
    fn of(fleet: &Fleet, more: &[&str]) -> Result<Self> {
        let args = [&["events", "--json"], more].concat();
        let mut command = Command::from(fleet.command(&args)?);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let seen = Vec::new();
        Ok(Self { child, lines, seen })
    }

    /// Reads until this run has succeeded; gives when.
    async fn until_succeeded(&mut self, run: RunId) -> Result<Timestamp> {
        let read = async {
            while let Some(line) = self.lines.next_line().await? {
                let event: RunEvent = serde_json::from_str(&line)?;
                self.seen.push(event.clone());
                if event.run_id == run && event.status == Status::Succeeded {
                    return Ok(event.at);
                }
            }
            anyhow::bail!("it ended without {run}: {:?}", self.seen)
        };
        tokio::time::timeout(SOON, read)
            .await
            .with_context(|| format!("waiting for {run}"))?
    }

    fn statuses(&self, run: RunId) -> Vec<Status> {
        let of_run = self.seen.iter().filter(|event| event.run_id == run);
        of_run.map(|event| event.status).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed_over_a_restart_of_the_api_and_replayed_from_an_instant() -> Result<()> {
    let estate = estate(2).await?;
    let fleet = Fleet::start(&estate).await?;
    import(&fleet.api, &estate).await?;
    let [one, two] = estate.nginx.hosts() else {
        anyhow::bail!("an estate of two hosts")
    };
    let first = renewed(&fleet, one).await?;
    let mut follower = Follower::of(&fleet, &["--follow", "--since", "2026-01-01T00:00:00Z"])?;
    // As it is written on the wire, with its microseconds: another event of the same second comes before.
    let at = serde_json::to_string(&follower.until_succeeded(first).await?)?;

    fleet.kill_and_restart(Member::Console).await?;
    let second = renewed(&fleet, two).await?;
    follower.until_succeeded(second).await?;
    ensure!(follower.child.try_wait()?.is_none(), "it goes on");
    for run in [first, second] {
        let statuses = follower.statuses(run);
        let once = statuses
            .iter()
            .enumerate()
            .all(|(place, status)| !statuses[..place].contains(status));
        ensure!(once && statuses.len() >= 2, "{run}: {statuses:?}");
    }

    let mut later = Follower::of(&fleet, &["--since", at.trim_matches('"')])?;
    later.until_succeeded(second).await?;
    ensure!(
        later.statuses(first).len() <= 1,
        "only what came since: {:?}",
        later.seen
    );
    ensure!(
        tokio::time::timeout(SOON, later.child.wait()).await??.success(),
        "it ends by itself"
    );
    Ok(())
}

async fn renewed(fleet: &Fleet, host: &str) -> Result<RunId> {
    let runs = fleet.api.renew(Some(&[host])).await?;
    let run = runs.values().next().context("a run")?;
    fleet.api.succeeds(run, SOON).await?;
    Ok(run.parse()?)
}

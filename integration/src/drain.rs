//! What a queued run costs, however many wait and whoever hangs: a real planner over a real NATS and Postgres, and workers
//! that answer at once, or for some hosts late and badly.
//!
//! In: how many runs. Out: time, CPU and memory of the orchestration from the first order to the last report. Never:
//! counts the workers' own CPU, or the creation of the runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::Signer;
use domain::run::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::{Nats, Peer, Postgres, ports, run_dir};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::Api;
use crate::fleet::{self, Member};
use crate::meter::{self, Used};

/// As many as one request may name.
const PAGE: usize = 1_000;
/// Run first, unmeasured: what every process does once is not part of a run.
const WARM_UP: usize = 500;
/// Orders that each null worker has in hand at once: as many as a verifier.
const SLOTS: usize = 2_300;
/// A host with such a name hangs for so long: one half when it is deployed to, one half when it is looked at.
pub const HANGS: &str = "hangs-";
pub const HANGS_FOR: Duration = Duration::from_secs(20);
/// A host with such a name behaves, and is not waited for.
pub const BESIDE: &str = "beside-";

/// What the null workers shall do: their standard input, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    pub nats_url: String,
    pub user: String,
    pub password: String,
    /// Whose orders are believed.
    pub signers: Vec<String>,
    /// So many runs are through when their last step was carried out so often.
    pub runs: usize,
    pub slots: usize,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub runs: usize,
    pub seconds: f64,
    pub planner: Used,
    pub nats: Used,
    pub postgres: Used,
}

impl Point {
    #[must_use]
    pub fn cpu_ms_per_run(&self) -> f64 {
        let all = self.planner.cpu_ms + self.nats.cpu_ms + self.postgres.cpu_ms;
        all as f64 / self.runs as f64
    }
}

/// A planner with its engines and the API, and nobody who works.
pub struct Drain {
    nats: Nats,
    keys: PathBuf,
    postgres: Postgres,
    planner: Peer,
    api: Api,
    _console: Peer,
    _ports: [ports::Port; 3],
}

impl Drain {
    /// # Errors
    /// If one of the servers is not installed or does not start.
    pub async fn start() -> Result<Self> {
        crate::install_crypto();
        let (nats, postgres) = tokio::try_join!(Nats::start(), Postgres::durable())?;
        let database_url = postgres.database("vigilo").await?;
        let (directory, token) = (run_dir::fresh("drain", None)?, "a-token-for-this-bench-only");
        let leases = [ports::lease()?, ports::lease()?, ports::lease()?];
        let [planner_at, console_at, listen] = [0, 1, 2].map(|one| leases[one].number());
        let settings = |health: u16| {
            json!({
                "nats": {"url": nats.url(), "user": nats.user(), "password": nats.password()},
                "database_url": database_url, "health_listen": format!("127.0.0.1:{health}"),
            })
        };
        let keys = run_dir::fresh("keys", None)?;
        let mut planner = settings(planner_at);
        planner["schedule"] = json!({"enabled": false});
        fleet::merge(&mut planner, fleet::signatures(Member::Planner, &keys)?);
        let planner = fleet::start(Member::Planner, &directory, &planner, planner_at).await?;
        let mut console = settings(console_at);
        console["listen"] = json!(format!("127.0.0.1:{listen}"));
        console["owner_token"] = json!(token);
        fleet::merge(&mut console, fleet::signatures(Member::Console, &keys)?);
        let console = fleet::start(Member::Console, &directory, &console, console_at).await?;
        Ok(Self {
            api: Api::new(&format!("http://127.0.0.1:{listen}"), token)?,
            nats,
            keys,
            postgres,
            planner,
            _console: console,
            _ports: leases,
        })
    }

    /// Queues so many runs, then lets the workers of this binary carry them out.
    ///
    /// # Errors
    /// If not every run succeeds.
    pub async fn measure(&self, runs: usize, workers: &Path) -> Result<Point> {
        self.warm_up(workers).await?;
        self.queue(&numbered("host-", runs)).await?;
        let (before, begun) = self.start_line()?;
        self.drain(runs, workers).await?;
        self.api.all_settled(bound(runs)).await?;
        let point = self.since(before, begun, runs)?;
        self.check(WARM_UP + runs).await?;
        Ok(point)
    }

    fn start_line(&self) -> Result<([Used; 3], Instant)> {
        Ok((self.used()?, Instant::now()))
    }

    fn since(&self, before: [Used; 3], begun: Instant, runs: usize) -> Result<Point> {
        let (seconds, now) = (begun.elapsed().as_secs_f64(), self.used()?);
        let since = |(now, before): (Used, Used)| Used {
            cpu_ms: now.cpu_ms - before.cpu_ms,
            peak_rss_kib: now.peak_rss_kib,
        };
        let [planner, nats, postgres] = [0, 1, 2].map(|one| since((now[one], before[one])));
        Ok(Point {
            runs,
            seconds,
            planner,
            nats,
            postgres,
        })
    }

    /// Queues so many runs, of which a tenth behaves or hangs; measures until all others are through.
    ///
    /// # Errors
    /// If not every other one succeeds.
    pub async fn beside(&self, tenth: &str, runs: usize, workers: &Path) -> Result<Point> {
        self.warm_up(workers).await?;
        let (some, others) = (numbered(tenth, runs / 10), numbered("host-", runs - runs / 10));
        let mut some = some.into_iter();
        let mixed = others
            .chunks(9)
            .flat_map(|nine| nine.iter().cloned().chain(some.next()).collect::<Vec<_>>());
        self.queue(&mixed.collect::<Vec<_>>()).await?;
        let (before, begun) = self.start_line()?;
        self.drain(others.len(), workers).await?;
        self.since(before, begun, runs)
    }

    async fn warm_up(&self, workers: &Path) -> Result<()> {
        self.queue(&numbered("warm-up-", WARM_UP)).await?;
        self.drain(WARM_UP, workers).await?;
        self.api.all_settled(bound(WARM_UP)).await.map(drop)
    }

    fn used(&self) -> Result<[Used; 3]> {
        Ok([
            meter::alone(self.planner.pid())?,
            meter::alone(self.nats.peer().pid())?,
            meter::with_children(self.postgres.peer().pid())?,
        ])
    }

    /// Hosts with their policies, and a queued run for each.
    async fn queue(&self, names: &[String]) -> Result<()> {
        for page in names.chunks(PAGE) {
            let hosts: Vec<Value> = page.iter().map(|name| json!({"hostname": name})).collect();
            self.api.import("hosts", &hosts).await?;
            let policies: Vec<Value> = page.iter().map(|name| policy(name)).collect();
            self.api.import("policies", &policies).await?;
            let page: Vec<&str> = page.iter().map(String::as_str).collect();
            let created = self.api.renew(Some(&page)).await?;
            ensure!(created.len() == page.len(), "not every run was created");
        }
        Ok(())
    }

    /// Until so many runs that are waited for are through.
    async fn drain(&self, runs: usize, workers: &Path) -> Result<()> {
        let plan = Plan {
            nats_url: self.nats.url(),
            user: self.nats.user().to_owned(),
            password: self.nats.password().to_owned(),
            signers: Signer::lines_in(&self.keys, false).map_err(anyhow::Error::msg)?,
            runs,
            slots: SLOTS,
        };
        let mut child = spawn(workers, &plan).await?;
        let ended = tokio::time::timeout(bound(runs), child.wait()).await;
        let status = ended.with_context(|| format!("{runs} runs are not through after {:?}", bound(runs)))??;
        ensure!(status.success(), "the null workers ended with {status}");
        Ok(())
    }

    async fn check(&self, runs: usize) -> Result<()> {
        let counts = self.api.counts().await?;
        ensure!(
            counts[Status::Succeeded] == runs as u64,
            "not all of {runs} runs succeeded: {counts:?}"
        );
        Ok(())
    }
}

fn bound(runs: usize) -> Duration {
    Duration::from_secs(60 + runs as u64 / 20)
}

fn numbered(kind: &str, runs: usize) -> Vec<String> {
    (0..runs).map(|n| format!("{kind}{n}.null.test")).collect()
}

fn policy(name: &str) -> Value {
    let file = |kind: &str| format!("/etc/nginx/tls/{name}.{kind}");
    json!({
        "hostname": name, "provider": "acme", "directory_url": "https://ca.null.test/directory",
        "targets": [{"kind": "file", "chain_path": file("crt"), "key_path": file("key")}],
    })
}

async fn spawn(workers: &Path, plan: &Plan) -> Result<Child> {
    let mut child = Command::new(workers)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", workers.display()))?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    stdin.write_all(&serde_json::to_vec(plan)?).await?;
    Ok(child)
}

//! What a queued run costs, however many wait: a real planner over a real NATS and Postgres, and workers that answer at
//! once.
//!
//! In: how many runs. Out: time, CPU and memory of the orchestration from the first order to the last report. Never:
//! counts the workers' own CPU, or the creation of the runs.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::{Bus, Connection};
use domain::clock::Clock;
use domain::host::NewHost;
use domain::policy::NewPolicy;
use domain::{HostId, WorkspaceId};
use protocol::request::{Answer, Verb};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Store;
use testkit::{Nats, Peer, Postgres, ports, run_dir, wait};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::fleet::{self, Member};
use crate::meter::{self, Used};

/// As many as one request may name.
const PAGE: usize = 1_000;
/// Run first, unmeasured: what every process does once is not part of a run.
const WARM_UP: usize = 500;
/// Orders that each null worker has in hand at once.
const SLOTS: usize = 64;

/// What the null workers shall do: their standard input, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    pub nats: Connection,
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

/// A planner with its engines, and nobody who works.
pub struct Drain {
    nats: Nats,
    postgres: Postgres,
    planner: Peer,
    store: Store,
    bus: Bus,
    workspace: WorkspaceId,
    _health: ports::Port,
}

impl Drain {
    /// # Errors
    /// If one of the servers is not installed or does not start.
    pub async fn start() -> Result<Self> {
        let (nats, postgres) = tokio::try_join!(Nats::start(), Postgres::durable())?;
        let (database_url, health) = (postgres.database("vigilo").await?, ports::lease()?);
        let settings = json!({
            "nats": connection(&nats), "database_url": database_url, "schedule": {"enabled": false},
            "health_listen": format!("127.0.0.1:{}", health.number()),
        });
        let directory = run_dir::fresh("drain", None)?;
        let planner = fleet::start(Member::Planner, &directory, &settings, health.number()).await?;
        Ok(Self {
            store: Store::connect(&database_url, 4).await?,
            bus: Bus::connect(&connection(&nats), "drain").await?,
            workspace: "default".parse()?,
            nats,
            postgres,
            planner,
            _health: health,
        })
    }

    /// Queues so many runs, then lets the workers of this binary carry them out.
    ///
    /// # Errors
    /// If not every run succeeds.
    pub async fn measure(&self, runs: usize, workers: &Path) -> Result<Point> {
        self.queue("warm-up", WARM_UP).await?;
        self.drain(WARM_UP, workers).await?;
        self.queue("host", runs).await?;
        let (before, begun) = (self.used()?, Instant::now());
        self.drain(runs, workers).await?;
        let (seconds, now) = (begun.elapsed().as_secs_f64(), self.used()?);
        self.check(WARM_UP + runs).await?;
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

    fn used(&self) -> Result<[Used; 3]> {
        Ok([
            meter::alone(self.planner.pid())?,
            meter::alone(self.nats.peer().pid())?,
            meter::with_children(self.postgres.peer().pid())?,
        ])
    }

    /// Hosts with their policies, and a queued run for each.
    async fn queue(&self, kind: &str, runs: usize) -> Result<()> {
        let names: Vec<String> = (0..runs).map(|n| format!("{kind}-{n}.null.test")).collect();
        for page in names.chunks(PAGE) {
            self.add(page).await?;
            let request = json!({
                "hostnames": page, "mode": "live", "requested_by": "bench",
                "idempotency_key": format!("bench {}", page[0]),
            });
            match self.bus.request(&self.workspace, Verb::Renew, &request).await? {
                Answer::Renewal { accepted, .. } if accepted.len() == page.len() => {}
                other => anyhow::bail!("not every run was created: {other:?}"),
            }
        }
        Ok(())
    }

    async fn add(&self, names: &[String]) -> Result<()> {
        let now = bus::SystemClock.now();
        let hosts = names.iter().map(|name| serde_json::from_value(json!({"hostname": name})));
        let hosts = hosts.collect::<Result<Vec<NewHost>, _>>()?;
        self.store.add_hosts(&self.workspace, &hosts, now).await?;
        let ids = self.store.host_ids(&self.workspace, names).await?;
        let policies = ids.into_iter().map(|(name, id)| Ok((id, policy(&name)?)));
        let policies = policies.collect::<Result<Vec<(HostId, NewPolicy)>>>()?;
        let added = self.store.add_policies(&self.workspace, &policies, now).await?;
        ensure!(added.len() == names.len(), "not every policy was added");
        Ok(())
    }

    async fn drain(&self, runs: usize, workers: &Path) -> Result<()> {
        let plan = Plan {
            nats: connection(&self.nats),
            runs,
            slots: SLOTS,
        };
        let mut child = spawn(workers, &plan).await?;
        let bound = Duration::from_secs(60 + runs as u64 / 20);
        let ended = tokio::time::timeout(bound, child.wait()).await;
        let status = ended.with_context(|| format!("{runs} runs are not through after {} s", bound.as_secs()))??;
        ensure!(status.success(), "the null workers ended with {status}");
        wait::until("the last reports are applied", bound, async || {
            let counts = self.store.run_counts(&self.workspace).await.ok()?;
            counts.iter().all(|(status, _)| status == "succeeded").then_some(())
        })
        .await
    }

    async fn check(&self, runs: usize) -> Result<()> {
        let counts = self.store.run_counts(&self.workspace).await?;
        ensure!(
            counts == [("succeeded".to_owned(), i64::try_from(runs)?)],
            "not all of {runs} runs succeeded: {counts:?}"
        );
        Ok(())
    }
}

fn connection(nats: &Nats) -> Connection {
    Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    }
}

fn policy(name: &str) -> Result<NewPolicy> {
    let file = |kind: &str| format!("/etc/nginx/tls/{name}.{kind}");
    let says: Value = json!({
        "hostname": name, "provider": "acme", "directory_url": "https://ca.null.test/directory",
        "targets": [{"kind": "file", "chain_path": file("crt"), "key_path": file("key")}],
    });
    Ok(serde_json::from_value(says)?)
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

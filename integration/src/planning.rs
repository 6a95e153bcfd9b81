//! What a bulk renewal costs before its first order: a real planner over a real NATS and Postgres, and nobody who works.
//!
//! In: how many hosts. Out: seconds of the plan and of the commit, and the planner's peak memory. Never: a plan or a
//! commit that is not complete.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use api::jobs::Job;
use domain::JobId;
use domain::job::JobState;
use serde_json::{Value, json};
use testkit::{Nats, Peer, Postgres, ports, run_dir, wait};

use crate::Api;
use crate::fleet::{self, Member};
use crate::meter;

/// As many as one import takes comfortably.
const PAGE: usize = 5_000;

/// A planner with its engines and the API.
pub struct Planning {
    planner: Peer,
    api: Api,
    _console: Peer,
    _engines: (Nats, Postgres),
    _ports: Vec<ports::Port>,
}

#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub plan_s: f64,
    pub commit_s: f64,
    pub peak_rss_mib: f64,
}

impl Planning {
    /// # Errors
    /// If one of the servers is not installed or does not start.
    pub async fn start() -> Result<Self> {
        crate::install_crypto();
        let (nats, postgres) = tokio::try_join!(Nats::start(), Postgres::durable())?;
        let database_url = postgres.database("vigilo").await?;
        let (directory, token) = (run_dir::fresh("planning", None)?, "a-token-for-this-bench-only");
        let leases = vec![ports::lease()?, ports::lease()?, ports::lease()?];
        let settings = |health: u16, own: Value| {
            let mut values = json!({
                "nats": {"url": nats.url(), "user": "vigilo", "password": nats.password()},
                "database_url": database_url, "health_listen": format!("127.0.0.1:{health}"),
            });
            fleet::merge(&mut values, own);
            values
        };
        let [planner_at, console_at, listen] = [0, 1, 2].map(|one| leases[one].number());
        let keys = run_dir::fresh("keys", None)?;
        let mut by_hand = settings(planner_at, json!({"schedule": {"enabled": false}}));
        fleet::merge(&mut by_hand, fleet::signatures(Member::Planner, &keys)?);
        let planner = fleet::start(Member::Planner, &directory, &by_hand, planner_at).await?;
        let own = json!({"listen": format!("127.0.0.1:{listen}"), "owner_token": token});
        let mut own = settings(console_at, own);
        fleet::merge(&mut own, fleet::signatures(Member::Console, &keys)?);
        let console = fleet::start(Member::Console, &directory, &own, console_at).await?;
        Ok(Self {
            api: Api::new(&format!("http://127.0.0.1:{listen}"), token)?,
            planner,
            _console: console,
            _engines: (nats, postgres),
            _ports: leases,
        })
    }

    /// Hosts of a few zones, each with a policy.
    ///
    /// # Errors
    /// If not every one is taken.
    pub async fn add(&self, hosts: usize) -> Result<()> {
        let names: Vec<String> = (0..hosts)
            .map(|n| format!("host-{n:06}.zone-{}.example", n % 100))
            .collect();
        for page in names.chunks(PAGE) {
            let hosts: Vec<Value> = page.iter().map(|name| json!({"hostname": name})).collect();
            self.api.import("hosts", &hosts).await?;
            let policies: Vec<Value> = page.iter().map(|name| policy(name)).collect();
            self.api.import("policies", &policies).await?;
        }
        Ok(())
    }

    /// # Errors
    /// If the plan leaves a host out, or a run is missing after the commit.
    pub async fn measure(&self, hosts: usize) -> Result<Measured> {
        let begun = Instant::now();
        let spec = serde_json::from_value(json!({"filter": {}}))?;
        let id = self.api.plan(spec).await?;
        let planned = self.job_is(id, JobState::Planned, hosts).await?;
        let plan_s = begun.elapsed().as_secs_f64();
        ensure!(planned.totals.included as usize == hosts, "{planned:?}");
        let begun = Instant::now();
        self.api.commit(id).await?;
        self.job_is(id, JobState::Running, hosts).await?;
        let commit_s = begun.elapsed().as_secs_f64();
        let counts = self.api.counts().await?;
        ensure!(counts.total() == hosts as u64, "{counts:?} for {hosts}");
        Ok(Measured {
            plan_s,
            commit_s,
            peak_rss_mib: meter::alone(self.planner.pid())?.peak_rss_kib as f64 / 1024.0,
        })
    }

    async fn job_is(&self, id: JobId, state: JobState, hosts: usize) -> Result<Job> {
        let bound = Duration::from_secs(120 + hosts as u64 / 100);
        wait::until(&format!("job {id} is {}", state.as_str()), bound, async || {
            // The list says how it stands without counting its runs.
            let all = self.api.jobs().await.ok()?;
            all.into_iter().find(|job| job.id == id && job.state == state)
        })
        .await
    }
}

fn policy(name: &str) -> Value {
    json!({"hostname": name, "provider": "acme", "directory_url": "https://ca.example.org/dir",
           "targets": [{"kind": "file", "chain_path": format!("/etc/tls/{name}.crt"),
                        "key_path": format!("/etc/tls/{name}.key")}]})
}

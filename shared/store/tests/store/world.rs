//! A migrated database of a test's own, and runs in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use domain::clock::Timestamp;
use domain::host::Criticality;
use domain::ids::{HostId, PolicyId, RunId, SnapshotId, WorkspaceId};
use domain::run::{Event, Mode, RunHead, RunState, advance};
use serde_json::json;
use sqlx::PgPool;
use store::{AnsweredRequest, LedgerTx, LoadedRun, NewRun, RunFilter, Store, StoreError};

use crate::samples::{host, plan, policy_of};

/// Where the runs of these tests wait first.
pub const FIRST_LANE: &str = "key-signer";

pub struct World {
    pub store: Store,
    /// For what a person or a defect does to the rows behind the store's back.
    pub by_hand: PgPool,
    pub home: WorkspaceId,
}

/// Midnight, at which every test begins.
pub fn now() -> Timestamp {
    Timestamp::from_unix(1_767_225_600).expect("an instant")
}

pub fn minutes(count: u64) -> Timestamp {
    now().plus(Duration::from_secs(60 * count))
}

/// A database in which nothing is yet.
pub async fn empty_database() -> Result<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    testkit::shared::postgres().await.database(&name).await
}

impl World {
    pub async fn new() -> Result<Self> {
        let url = empty_database().await?;
        let store = Store::connect(&url, 12).await?;
        store.migrate().await?;
        Ok(Self {
            store,
            by_hand: PgPool::connect(&url).await?,
            home: WorkspaceId::default_workspace(),
        })
    }

    /// A second tenant.
    pub async fn neighbour(&self) -> Result<WorkspaceId> {
        self.sql("insert into workspaces (id) values ('neighbour')").await?;
        Ok("neighbour".parse()?)
    }

    pub async fn sql(&self, statement: &'static str) -> Result<()> {
        let touched = sqlx::query(statement).execute(&self.by_hand).await?;
        anyhow::ensure!(touched.rows_affected() > 0, "{statement} touched nothing");
        Ok(())
    }

    pub async fn host(&self, hostname: &str) -> Result<HostId> {
        self.host_of(&self.home, hostname).await
    }

    pub async fn host_of(&self, workspace: &WorkspaceId, hostname: &str) -> Result<HostId> {
        Ok(self.store.add_host(workspace, &host(hostname), now()).await?.id)
    }

    /// A run of a new policy of a new host, queued at home but not created yet.
    pub async fn run(&self, hostname: &str) -> Result<NewRun> {
        self.run_of(&self.home, hostname).await
    }

    pub async fn run_of(&self, workspace: &WorkspaceId, hostname: &str) -> Result<NewRun> {
        let host = self.host_of(workspace, hostname).await?;
        let policies = self
            .store
            .add_policies(workspace, &[(host, policy_of(workspace.as_str(), hostname))], now())
            .await?;
        let (_, policy) = policies.policies.into_iter().next().context("a new policy")?;
        Ok(queued(workspace, hostname, host, policy))
    }

    /// Runs of as many hosts, created.
    pub async fn runs(&self, count: usize) -> Result<Vec<RunId>> {
        let mut runs = Vec::new();
        for number in 0..count {
            runs.push(self.run(&format!("host-{number}.example.org")).await?);
        }
        self.create(&runs).await?;
        Ok(ids(&runs))
    }

    /// Creates them under a key that nobody used.
    pub async fn create(&self, runs: &[NewRun]) -> Result<(), StoreError> {
        let key = SnapshotId::new().to_string();
        let workspace = runs.first().map_or(&self.home, |run| &run.head.workspace);
        let request = AnsweredRequest {
            workspace,
            key: &key,
            answer: &json!("asked"),
        };
        self.store.create_runs(runs, request, now()).await
    }

    pub async fn created(&self, hostname: &str) -> Result<NewRun> {
        let run = self.run(hostname).await?;
        self.create(std::slice::from_ref(&run)).await?;
        Ok(run)
    }

    pub async fn all_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let found = self.store.runs(&self.home, &RunFilter::default(), 1_000).await?;
        Ok(found.into_iter().map(|view| view.run.head.id).collect())
    }

    /// As the ledger finds it.
    pub async fn loaded(&self, run: RunId) -> Result<LoadedRun> {
        let mut ledger = self.store.ledger().await?;
        let found = ledger.load(&[run]).await?;
        ledger.commit().await?;
        found.into_iter().next().context("the run is there")
    }

    /// Lets these events happen to a run, one after the other, and commits.
    pub async fn happens(&self, run: RunId, events: impl IntoIterator<Item = Event>, at: Timestamp) -> Result<()> {
        let mut ledger = self.store.ledger().await?;
        let found = ledger.load(&[run]).await?;
        let mut run = found.into_iter().next().context("the run is there")?;
        for event in events {
            run.state = advance(&run.state, run.intent(), event, at)?;
        }
        save(&mut ledger, &[run], at).await?;
        Ok(ledger.commit().await?)
    }
}

pub async fn save(ledger: &mut LedgerTx, runs: &[LoadedRun], at: Timestamp) -> Result<(), StoreError> {
    ledger.save(runs, &HashMap::new(), at).await
}

/// Sends out the order of each of these.
pub fn released(runs: Vec<LoadedRun>, at: Timestamp) -> Result<Vec<LoadedRun>> {
    let out = runs.into_iter().map(|run| {
        let state = advance(&run.state, run.intent(), Event::Released, at)?;
        Ok(LoadedRun { state, ..run })
    });
    out.collect()
}

pub fn ids(runs: &[NewRun]) -> Vec<RunId> {
    runs.iter().map(|run| run.head.id).collect()
}

pub fn loaded_ids(runs: &[LoadedRun]) -> Vec<RunId> {
    runs.iter().map(|run| run.head.id).collect()
}

pub fn sorted(mut runs: Vec<RunId>) -> Vec<RunId> {
    runs.sort();
    runs
}

fn queued(workspace: &WorkspaceId, hostname: &str, host_id: HostId, policy_id: PolicyId) -> NewRun {
    let plan = plan(hostname);
    let head = RunHead {
        workspace: workspace.clone(),
        host_id,
        policy_id,
        operator: "ann".to_owned(),
        created_at: now(),
        ..samples::run_head(hostname)
    };
    let state = RunState::queued(&plan, now());
    NewRun {
        head,
        plan,
        state,
        queue_position: 0,
        held: None,
    }
}

/// Small changes of a run before it is created.
pub trait With: Sized {
    /// Another run of the same policy.
    fn again(&self) -> Self;
    fn rehearsed(self) -> Self;
    fn of(self, criticality: Criticality) -> Self;
    fn due(self, at: Timestamp) -> Self;
}

impl With for NewRun {
    fn again(&self) -> Self {
        let mut other = self.clone();
        other.head.id = RunId::new();
        other
    }

    fn rehearsed(mut self) -> Self {
        self.head.mode = Mode::DryRun;
        self
    }

    fn of(mut self, criticality: Criticality) -> Self {
        self.head.criticality = criticality;
        self.queue_position = -i64::from(criticality.rank());
        self
    }

    fn due(mut self, at: Timestamp) -> Self {
        self.state = RunState::queued(&self.plan, at);
        self
    }
}

/// The name of the constraint that refused it.
pub fn duplicate<T: std::fmt::Debug>(refused: Result<T, StoreError>) -> String {
    match refused {
        Err(StoreError::Duplicate { constraint }) => constraint,
        other => format!("no duplicate: {other:?}"),
    }
}

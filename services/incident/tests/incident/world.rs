//! A world around the incident service: real NATS, real Postgres, runs with trouble, and what is seen of their hosts.

use std::time::Duration;

use anyhow::Result;
use bus::{Bus, Connection, Signer};
use chassis::Life;
use domain::disposition::Failure;
use domain::host::{Criticality, NewHost};
use domain::incident::Incident;
use domain::plan::Plan;
use domain::run::{RunHead, RunState, Status, Step};
use domain::{RunId, Timestamp, WorkspaceId};
use incident::Config;
use protocol::event::RunEvent;
use serde_json::{Value, json};
use store::{AnsweredRequest, IncidentFilter, IncidentView, NewRun, Store};
use testkit::{Nats, wait};

/// Who is told.
pub const OPS: &str = "ops@example.org";
pub const SOON: Duration = Duration::from_secs(20);

pub struct World {
    pub nats: Nats,
    pub config: Config,
    pub store: Store,
    pub bus: Bus,
}

impl World {
    pub async fn new(database: &str) -> Result<Self> {
        Self::with(database, &Value::Null).await
    }

    /// With these tables of the configuration beside the usual ones.
    pub async fn with(database: &str, tables: &Value) -> Result<Self> {
        let nats = Nats::start().await?;
        let connection = Connection {
            url: nats.url(),
            user: Some(nats.user().to_owned()),
            password: Some(nats.password().to_owned()),
            ..Connection::default()
        };
        let keys = testkit::run_dir::fresh("keys", None)?;
        let connection = connection
            .with_keys_in(&keys, Some(Signer::Planner))
            .map_err(anyhow::Error::msg)?;
        let database_url = testkit::shared::postgres().await.database(database).await?;
        let mut config = json!({
            "nats": connection, "database_url": database_url, "gather_seconds": 0, "watch_seconds": 1,
        });
        for (key, value) in tables.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let config: Config = serde_json::from_value(config)?;
        let store = Store::connect(&config.database_url, 2).await?;
        store.migrate().await?;
        let bus = Bus::connect(&config.nats, "test").await?;
        bus.apply_topology().await?;
        Ok(Self {
            nats,
            config,
            store,
            bus,
        })
    }

    pub async fn publish(&self, events: &[RunEvent]) -> Result<()> {
        for published in self.bus.publish_events(events).await {
            published?;
        }
        Ok(())
    }

    pub async fn incidents(&self) -> Vec<Incident> {
        let everything = IncidentFilter::default();
        let found = self
            .store
            .incidents(&WorkspaceId::default_workspace(), &everything, 1_000)
            .await;
        let found = found.unwrap_or_default();
        found.into_iter().map(|view| view.incident).collect()
    }

    pub async fn opened(&self, many: usize) -> Result<Vec<Incident>> {
        wait::until(&format!("{many} incidents"), SOON, async || {
            let found = self.incidents().await;
            (found.len() == many).then_some(found)
        })
        .await
    }

    /// A run of a new critical host, as its row says it, and the event that it asks a person.
    pub async fn stuck(&self, hostname: &str) -> Result<RunEvent> {
        self.stuck_at(hostname, Criticality::Critical).await
    }

    pub async fn stuck_at(&self, hostname: &str, criticality: Criticality) -> Result<RunEvent> {
        let head = head(&self.store, hostname, criticality).await?;
        let plan = plan(&head);
        let state = RunState::queued(&plan, Timestamp::EPOCH);
        let run = NewRun {
            head: head.clone(),
            plan,
            state,
            queue_position: 0,
            held: None,
        };
        let workspace = WorkspaceId::default_workspace();
        let request = AnsweredRequest {
            workspace: &workspace,
            key: hostname,
            answer: &Value::Null,
        };
        self.store.create_runs(&[run], request, Timestamp::EPOCH).await?;
        Ok(event(head))
    }
}

async fn head(store: &Store, hostname: &str, criticality: Criticality) -> Result<RunHead> {
    let workspace = WorkspaceId::default_workspace();
    let new: NewHost = serde_json::from_value(json!({ "hostname": hostname, "criticality": criticality }))?;
    let host = store.add_host(&workspace, &new, Timestamp::EPOCH).await?;
    let policy = samples::new_policy_with(hostname, json!({ "auto_renew": false, "targets": [] }));
    let added = store
        .add_policies(&workspace, &[(host.id, policy)], Timestamp::EPOCH)
        .await?;
    Ok(RunHead {
        host_id: host.id,
        policy_id: added.policies[0].1,
        criticality: new.criticality,
        ..samples::run_head(hostname)
    })
}

fn plan(head: &RunHead) -> Plan {
    let changes = json!({"criticality": head.criticality, "targets": [], "notify": [OPS]});
    samples::plan_with(head.hostname.as_str(), changes)
}

fn event(head: RunHead) -> RunEvent {
    RunEvent {
        schema: protocol::SCHEMA,
        run_id: head.id,
        workspace: head.workspace,
        host_id: head.host_id,
        policy_id: head.policy_id,
        hostname: head.hostname,
        criticality: head.criticality,
        mode: head.mode,
        trigger: head.trigger,
        operator: head.operator,
        job_id: head.job,
        status: Status::NeedsManual,
        step: Some(Step::Issue),
        attempt: 2,
        at: Timestamp::EPOCH,
        failure: None,
        question: Some(Failure::new("ISS-0004", "the CA cannot reach it", "open port 80").ask()),
    }
}

/// The service, until the value is dropped or stopped.
pub struct Running {
    life: Life,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn start(config: &Config) -> Result<Self> {
        let life = Life::new();
        let ended = tokio::spawn(incident::run(config.clone(), life.clone()));
        wait::until("the service to be ready", SOON, async || life.is_ready().then_some(())).await?;
        Ok(Self { life, ended })
    }

    pub async fn stop(self) -> Result<()> {
        self.life.soft().cancel();
        tokio::time::timeout(SOON, self.ended).await??
    }
}

/// One run with trouble for each of these hosts.
pub async fn all_stuck(world: &World, hosts: usize) -> Result<Vec<RunEvent>> {
    let mut events = Vec::with_capacity(hosts);
    for number in 0..hosts {
        events.push(world.stuck(&format!("host-{number}.example.org")).await?);
    }
    Ok(events)
}

/// A later run of the same host, which succeeds or has trouble.
pub async fn next(world: &World, before: &RunEvent, status: Status) -> Result<RunEvent> {
    let at = before.at.plus(Duration::from_secs(3600));
    let mut head = head_again(before);
    head.created_at = at;
    let plan = plan(&head);
    let mut state = RunState::queued(&plan, at);
    state.position = domain::run::Position::Ended {
        ending: domain::run::Ending::Succeeded,
    };
    let run = NewRun {
        head: head.clone(),
        plan,
        state,
        queue_position: 0,
        held: None,
    };
    let workspace = WorkspaceId::default_workspace();
    let key = head.id.to_string();
    let request = AnsweredRequest {
        workspace: &workspace,
        key: &key,
        answer: &Value::Null,
    };
    world.store.create_runs(&[run], request, at).await?;
    let question = (status == Status::NeedsManual)
        .then(|| before.question.clone())
        .flatten();
    Ok(RunEvent {
        status,
        at,
        question,
        ..event(head)
    })
}

fn head_again(before: &RunEvent) -> RunHead {
    RunHead {
        id: RunId::new(),
        workspace: before.workspace.clone(),
        host_id: before.host_id,
        policy_id: before.policy_id,
        hostname: before.hostname.clone(),
        criticality: before.criticality,
        mode: before.mode,
        trigger: before.trigger,
        operator: before.operator.clone(),
        job: before.job_id,
        created_at: before.at,
    }
}

pub async fn view(world: &World, which: impl Fn(&IncidentView) -> bool + Copy) -> Result<IncidentView> {
    wait::until("the incident as expected", SOON, async || {
        let everything = IncidentFilter::default();
        let found = world
            .store
            .incidents(&WorkspaceId::default_workspace(), &everything, 1_000)
            .await;
        found.ok()?.into_iter().find(|view| which(view))
    })
    .await
}

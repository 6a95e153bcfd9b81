//! Run events on a real NATS become incidents in a real Postgres.

use std::time::Duration;

use anyhow::Result;
use bus::{Bus, Connection};
use chassis::Life;
use domain::disposition::Failure;
use domain::host::NewHost;
use domain::incident::{Incident, State, Word};
use domain::plan::Plan;
use domain::policy::NewPolicy;
use domain::run::{Mode, RunHead, RunState, Status, Step, Trigger};
use domain::{RunId, Timestamp, WorkspaceId};
use incident::Config;
use protocol::event::RunEvent;
use serde_json::{Value, json};
use store::{IncidentFilter, IncidentView, NewRun, Store};
use testkit::sqlx::{Connection as _, Executor, PgConnection};
use testkit::{Nats, async_nats, wait};

const SOON: Duration = Duration::from_secs(20);

struct World {
    nats: Nats,
    config: Config,
    store: Store,
    bus: Bus,
}

impl World {
    async fn new(database: &str) -> Result<Self> {
        let nats = Nats::start().await?;
        let connection = Connection {
            url: nats.url(),
            user: Some(nats.user().to_owned()),
            password: Some(nats.password().to_owned()),
            ..Connection::default()
        };
        let database_url = testkit::shared::postgres().await.database(database).await?;
        let config: Config = serde_json::from_value(json!({
            "nats": connection, "database_url": database_url, "gather_seconds": 0, "watch_seconds": 1,
        }))?;
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

    async fn publish(&self, events: &[RunEvent]) -> Result<()> {
        for published in self.bus.publish_events(events).await {
            published?;
        }
        Ok(())
    }

    async fn incidents(&self) -> Vec<Incident> {
        let everything = IncidentFilter::default();
        let found = self
            .store
            .incidents(&WorkspaceId::default_workspace(), &everything, 1_000)
            .await;
        let found = found.unwrap_or_default();
        found.into_iter().map(|view| view.incident).collect()
    }

    async fn opened(&self, many: usize) -> Result<Vec<Incident>> {
        wait::until(&format!("{many} incidents"), SOON, async || {
            let found = self.incidents().await;
            (found.len() == many).then_some(found)
        })
        .await
    }

    /// A run of a new host, as its row says it, and the event that it asks a person.
    async fn stuck(&self, hostname: &str) -> Result<RunEvent> {
        let head = head(&self.store, hostname).await?;
        let plan = plan(&head);
        let state = RunState::queued(&plan, Timestamp::EPOCH);
        let run = NewRun {
            head: head.clone(),
            plan,
            state,
            turn: 0,
            held: None,
        };
        let workspace = WorkspaceId::default_workspace();
        self.store
            .create_runs(&[run], (&workspace, hostname, &Value::Null), Timestamp::EPOCH)
            .await?;
        Ok(event(head))
    }
}

async fn head(store: &Store, hostname: &str) -> Result<RunHead> {
    let workspace = WorkspaceId::default_workspace();
    let new: NewHost = serde_json::from_value(json!({ "hostname": hostname, "criticality": "critical" }))?;
    let host = store.add_host(&workspace, &new, Timestamp::EPOCH).await?;
    let policy: NewPolicy = serde_json::from_value(json!({ "hostname": hostname, "targets": [] }))?;
    let added = store
        .add_policies(&workspace, &[(host.id, policy)], Timestamp::EPOCH)
        .await?;
    Ok(RunHead {
        id: RunId::new(),
        workspace,
        host_id: host.id,
        policy_id: added[0].1,
        hostname: new.hostname,
        criticality: new.criticality,
        mode: Mode::Live,
        trigger: Trigger::Operator,
        operator: "owner".to_owned(),
        job: None,
        created_at: Timestamp::EPOCH,
    })
}

fn plan(head: &RunHead) -> Plan {
    serde_json::from_value(json!({
        "hostname": head.hostname, "port": 443, "addresses": [], "criticality": head.criticality,
        "names": [head.hostname],
        "choice": {"provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "", "cost_micro_usd": 0},
        "key_backend": "local", "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01",
        "targets": [],
    }))
    .expect("a plan")
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
struct Running {
    life: Life,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn start(config: &Config) -> Result<Self> {
        let life = Life::new();
        let ended = tokio::spawn(incident::run(config.clone(), life.clone()));
        wait::until("the service to be ready", SOON, async || life.is_ready().then_some(())).await?;
        Ok(Self { life, ended })
    }

    async fn stop(self) -> Result<()> {
        self.life.soft().cancel();
        tokio::time::timeout(SOON, self.ended).await??
    }
}

#[tokio::test]
async fn a_run_has_one_incident_however_often_its_trouble_is_told() -> Result<()> {
    let world = World::new("incident_once").await?;
    let service = Running::start(&world.config).await?;
    let stuck = world.stuck("www.example.org").await?;
    let rehearsed = RunEvent {
        mode: Mode::DryRun,
        ..world.stuck("dry.example.org").await?
    };
    let started = RunEvent {
        status: Status::Running,
        question: None,
        attempt: 1,
        ..stuck.clone()
    };
    let again = RunEvent {
        attempt: 3,
        ..stuck.clone()
    };
    let last = world.stuck("last.example.org").await?;
    world
        .publish(&[started, stuck.clone(), rehearsed, again, last.clone()])
        .await?;
    let found = world.opened(2).await?;
    let runs: Vec<RunId> = found.iter().filter_map(|incident| incident.run_id).collect();
    assert_eq!(runs, [last.run_id, stuck.run_id]);
    assert_eq!(found[1].severity, domain::incident::Severity::Sev1);
    assert!(
        found[1].title.contains("www.example.org") && found[1].detail.contains("open port 80"),
        "{:?}",
        found[1]
    );
    service.stop().await
}

#[tokio::test]
async fn what_happened_while_it_was_away_is_told_when_it_is_back() -> Result<()> {
    let world = World::new("incident_away").await?;
    Running::start(&world.config).await?.stop().await?;
    let stuck = world.stuck("www.example.org").await?;
    world.publish(&[stuck]).await?;
    world.nats.restart().await?;
    assert_eq!(world.incidents().await.len(), 0);
    let service = Running::start(&world.config).await?;
    world.opened(1).await?;
    service.stop().await
}

#[tokio::test]
async fn an_event_of_a_run_that_is_gone_holds_nobody_up() -> Result<()> {
    let world = World::new("incident_gone").await?;
    let service = Running::start(&world.config).await?;
    let stuck = world.stuck("www.example.org").await?;
    let gone = RunEvent {
        run_id: RunId::new(),
        ..stuck.clone()
    };
    world.publish(&[gone, stuck.clone()]).await?;
    assert_eq!(world.opened(1).await?[0].run_id, Some(stuck.run_id));
    service.stop().await
}

#[tokio::test]
async fn an_event_that_cannot_be_kept_is_held_until_it_can() -> Result<()> {
    let world = World::new("incident_held").await?;
    let service = Running::start(&world.config).await?;
    let stuck = world.stuck("www.example.org").await?;
    let mut database = PgConnection::connect(&world.config.database_url).await?;
    database.execute("alter table incidents rename to away").await?;
    world.publish(&[stuck]).await?;
    wait::until("the event to be in its hands", SOON, async || {
        (unacknowledged(&world.nats).await.ok()? == 1).then_some(())
    })
    .await?;
    database.execute("alter table away rename to incidents").await?;
    world.opened(1).await?;
    wait::until("the acknowledgement", SOON, async || {
        (unacknowledged(&world.nats).await.ok()? == 0).then_some(())
    })
    .await?;
    service.stop().await
}

/// Events that were delivered and are neither acknowledged nor given back.
async fn unacknowledged(nats: &Nats) -> Result<usize> {
    let context = async_nats::jetstream::new(nats.connect().await?);
    let stream = context.get_stream("RUNS").await?;
    let info = stream.consumer_info("incident").await?;
    Ok(info.num_ack_pending)
}

/// The same service once more: replicas share the events.
async fn replicas(world: &World) -> Result<[Running; 2]> {
    Ok([
        Running::start(&world.config).await?,
        Running::start(&world.config).await?,
    ])
}

/// One run with trouble for each of these hosts.
async fn all_stuck(world: &World, hosts: usize) -> Result<Vec<RunEvent>> {
    let mut events = Vec::with_capacity(hosts);
    for number in 0..hosts {
        events.push(world.stuck(&format!("host-{number}.example.org")).await?);
    }
    Ok(events)
}

/// A later run of the same host, which succeeds or has trouble.
async fn next(world: &World, before: &RunEvent, status: Status) -> Result<RunEvent> {
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
        turn: 0,
        held: None,
    };
    let workspace = WorkspaceId::default_workspace();
    let key = head.id.to_string();
    world
        .store
        .create_runs(&[run], (&workspace, &key, &Value::Null), at)
        .await?;
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

async fn view(world: &World, which: impl Fn(&IncidentView) -> bool + Copy) -> Result<IncidentView> {
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

#[tokio::test(flavor = "multi_thread")]
async fn one_cause_on_forty_hosts_is_one_incident_that_closes_when_all_are_mended() -> Result<()> {
    let world = World::new("incident_fold").await?;
    let services = replicas(&world).await?;
    let stuck = all_stuck(&world, 40).await?;
    world.publish(&stuck).await?;
    let common = view(&world, |view| view.members == 40).await?;
    assert!(common.incident.common, "{common:?}");
    assert_eq!(
        world.opened(1).await?[0].id,
        common.incident.id,
        "the others went into it"
    );
    let workspace = WorkspaceId::default_workspace();
    let members = world
        .store
        .incident_members(&workspace, common.incident.id, 100)
        .await?;
    let mut hosts: Vec<&str> = members.iter().map(|member| member.hostname.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts.len(), 40);

    let mut mended = Vec::new();
    for event in &stuck {
        mended.push(next(&world, event, Status::Succeeded).await?);
    }
    let last = mended.pop().expect("the last host");
    world.publish(&mended).await?;
    view(&world, |view| {
        view.open_members == 1 && view.incident.state == State::Open
    })
    .await?;
    world.publish(std::slice::from_ref(&last)).await?;
    let closed = view(&world, |view| view.incident.state == State::Closed).await?;
    let word = closed.incident.closed.expect("who closed it");
    assert_eq!(
        (word.by.as_str(), word.note),
        (Word::OWN, format!("run {} succeeded", last.run_id))
    );
    for service in services {
        service.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_next_run_of_a_host_joins_its_open_incident() -> Result<()> {
    let world = World::new("incident_attach").await?;
    let service = Running::start(&world.config).await?;
    let first = world.stuck("www.example.org").await?;
    world.publish(std::slice::from_ref(&first)).await?;
    world.opened(1).await?;
    let second = next(&world, &first, Status::NeedsManual).await?;
    world.publish(&[second]).await?;
    let joined = view(&world, |view| view.members == 2).await?;
    assert_eq!(joined.incident.run_id, Some(first.run_id));
    assert_eq!(world.incidents().await.len(), 1);
    service.stop().await
}

#[tokio::test]
async fn a_success_that_was_told_before_the_trouble_closes_it() -> Result<()> {
    let world = World::new("incident_late").await?;
    let service = Running::start(&world.config).await?;
    let stuck = world.stuck("www.example.org").await?;
    let succeeded = next(&world, &stuck, Status::Succeeded).await?;
    world.publish(&[succeeded, stuck]).await?;
    view(&world, |view| view.incident.state == State::Closed).await?;
    service.stop().await
}

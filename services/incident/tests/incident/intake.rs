//! Run events on a real NATS become incidents in a real Postgres.

use std::time::Duration;

use anyhow::Result;
use domain::RunId;
use domain::disposition::{ErrorCode, Failure};
use domain::run::{Mode, Status, Step};
use protocol::event::RunEvent;
use testkit::sqlx::{Connection as _, Executor, PgConnection};
use testkit::{Nats, async_nats, wait};

use crate::world::{Running, SOON, World};

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
async fn an_incident_is_called_by_what_holds_its_run_now_and_remembers_what_held_it_before() -> Result<()> {
    let world = World::new("incident_moved").await?;
    let service = Running::start(&world.config).await?;
    let stuck = world.stuck("www.example.org").await?;
    world.publish(std::slice::from_ref(&stuck)).await?;
    let before = world.opened(1).await?.remove(0);
    let elsewhere = RunEvent {
        attempt: stuck.attempt + 2,
        at: stuck.at.plus(Duration::from_secs(60)),
        step: Some(Step::Verify),
        question: Some(Failure::new("VER-0002", "something else is served", "see what").ask()),
        ..stuck
    };
    world.publish(&[elsewhere]).await?;
    let found = wait::until("another title", SOON, async || {
        let found = world.incidents().await.pop()?;
        (found.title != before.title).then_some(found)
    });
    let found = found.await?;
    assert!(found.title.contains("at verify (VER-0002)"), "{}", found.title);
    assert_eq!(found.cause.map(|cause| cause.code), Some(ErrorCode::new("VER-0002")));
    let past = world.store.incident_changes(&found.workspace, found.id).await?;
    let last = past
        .last()
        .map(|change| (change.change.as_str(), change.word.note.as_str()));
    assert!(
        last.is_some_and(|(change, note)| change == "moved" && note.contains(&before.title)),
        "{past:?}"
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

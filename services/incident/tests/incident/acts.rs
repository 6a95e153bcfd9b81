//! What people do to incidents, by the console's requests on NATS.

use std::time::Duration;

use anyhow::{Context, Result};
use domain::incident::{Incident, State};
use domain::{IncidentId, WorkspaceId};
use protocol::SCHEMA;
use protocol::incident::{IncidentAct, IncidentActAnswer, IncidentActAsk};
use protocol::subjects;

use crate::world::{Running, SOON, World};

async fn asked(world: &World, incident_id: IncidentId, act: IncidentAct) -> Result<IncidentActAnswer> {
    let ask = IncidentActAsk {
        schema: SCHEMA,
        incident_id,
        act,
        by: "ann".to_owned(),
        note: "looking at it".to_owned(),
    };
    let subject = subjects::incident_act(&WorkspaceId::default_workspace());
    Ok(world.bus.ask_for_hint(&subject, &ask, SOON).await?)
}

async fn only(world: &World) -> Result<Incident> {
    world.incidents().await.into_iter().next().context("an incident")
}

#[tokio::test]
async fn an_incident_is_acknowledged_and_closed_by_a_person_once() -> Result<()> {
    let world = World::new("incident_acts").await?;
    let service = Running::start(&world.config).await?;
    let event = world.stuck("www.example.org").await?;
    world.publish(&[event]).await?;
    let id = world.opened(1).await?[0].id;

    assert_eq!(
        asked(&world, id, IncidentAct::Acknowledge).await?,
        IncidentActAnswer::Done
    );
    let taken = only(&world).await?;
    let remark = taken.acknowledged.context("a remark")?;
    assert_eq!(
        (taken.state, remark.by.as_str(), remark.note.as_str()),
        (State::Acknowledged, "ann", "looking at it")
    );
    let state = State::Acknowledged;
    assert_eq!(
        asked(&world, id, IncidentAct::Acknowledge).await?,
        IncidentActAnswer::OutOfPlace { state }
    );

    assert_eq!(asked(&world, id, IncidentAct::Close).await?, IncidentActAnswer::Done);
    assert_eq!(only(&world).await?.state, State::Closed);
    let state = State::Closed;
    assert_eq!(
        asked(&world, id, IncidentAct::Close).await?,
        IncidentActAnswer::OutOfPlace { state }
    );

    let workspace = WorkspaceId::default_workspace();
    let changes = world.store.incident_changes(&workspace, id).await?;
    let changes: Vec<&str> = changes.iter().map(|one| one.change.as_str()).collect();
    assert_eq!(changes, ["opened", "acknowledged", "closed"]);
    // Who heard that it was opened hears that a person works on it, and that it was closed.
    let told = world.store.notifications_of(&workspace, id).await?;
    assert_eq!(told.len(), 3, "{told:?}");

    let strange = asked(&world, IncidentId::new(), IncidentAct::Close).await?;
    assert_eq!(strange, IncidentActAnswer::Unknown);
    service.stop().await
}

#[tokio::test]
async fn what_is_no_act_is_answered_too() -> Result<()> {
    let world = World::new("incident_no_acts").await?;
    let service = Running::start(&world.config).await?;
    let subject = subjects::incident_act(&WorkspaceId::default_workspace());
    let answer: IncidentActAnswer = world
        .bus
        .ask_for_hint(&subject, &"nonsense", Duration::from_secs(20))
        .await?;
    assert_eq!(answer, IncidentActAnswer::Failed);
    service.stop().await
}

//! One cause on many hosts, many runs of one host: one incident, which closes when all of it is
//! mended.

use anyhow::Result;
use domain::WorkspaceId;
use domain::incident::{Remark, State};
use domain::run::Status;
use serde_json::json;

use crate::world::{Running, World, all_stuck, next, view};

/// Two replicas of the service: they share the events.
async fn replicas(world: &World) -> Result<[Running; 2]> {
    Ok([
        Running::start(&world.config).await?,
        Running::start(&world.config).await?,
    ])
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn one_cause_on_forty_hosts_is_one_incident_that_closes_when_all_are_mended() -> Result<()> {
    // The timer would close it too, by the runs that are in the record before their events are told.
    let by_events_alone = json!({"watch_seconds": 3_600});
    let world = World::with("incident_fold", &by_events_alone).await?;
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

    let mut recovered = Vec::new();
    for event in &stuck {
        recovered.push(next(&world, event, Status::Succeeded).await?);
    }
    let last = recovered.pop().expect("the last host");
    world.publish(&recovered).await?;
    view(&world, |view| {
        view.open_members == 1 && view.incident.state == State::Open
    })
    .await?;
    world.publish(std::slice::from_ref(&last)).await?;
    let closed = view(&world, |view| view.incident.state == State::Closed).await?;
    let word = closed.incident.closed.expect("who closed it");
    assert_eq!(
        (word.by.as_str(), word.note),
        (Remark::OWN, format!("run {} succeeded", last.run_id))
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

use anyhow::Result;
use domain::ids::WorkspaceId;
use serde_json::{Value, json};
use store::{NewRun, SnapshotRow};

use crate::samples::seen;
use crate::world::{World, minutes};

async fn keep(world: &World, rows: &[SnapshotRow]) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_snapshots(rows).await?;
    Ok(ledger.commit().await?)
}

async fn kept(world: &World, workspace: &WorkspaceId, run: &NewRun) -> Result<Vec<Value>> {
    Ok(world.store.snapshots(workspace, run.head.host_id, 10).await?)
}

#[tokio::test]
async fn snapshots_come_back_as_they_were_kept_the_newest_first() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let served = seen(&run, minutes(1), Some(minutes(90)));
    let unreachable = seen(&run, minutes(2), None);
    keep(&world, &[served.clone(), unreachable.clone()]).await?;

    let found = kept(&world, &world.home, &run).await?;

    assert_eq!(found, [json!(unreachable.snapshot), json!(served.snapshot)]);
    assert_eq!(world.store.snapshots(&world.home, run.head.host_id, 1).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_is_reported_twice_is_kept_once_and_never_changed() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let first = seen(&run, minutes(1), None);
    keep(&world, std::slice::from_ref(&first)).await?;
    let mut again = seen(&run, minutes(2), Some(minutes(90)));
    again.snapshot.id = first.snapshot.id;
    keep(&world, &[again]).await?;
    assert_eq!(kept(&world, &world.home, &run).await?, [json!(first.snapshot)]);
    Ok(())
}

#[tokio::test]
async fn a_host_shows_its_newest_snapshot() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let (old, new) = (seen(&run, minutes(1), Some(minutes(90))), seen(&run, minutes(5), None));
    keep(&world, &[new.clone(), old]).await?;
    let hosts = world.store.hosts(&world.home, None, 10).await?;
    assert_eq!(hosts[0].snapshot, Some(json!(new.snapshot)));
    Ok(())
}

#[tokio::test]
async fn a_charge_knows_the_end_of_the_certificate_that_was_last_seen() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let before = seen(&run, minutes(1), Some(minutes(90)));
    let last = seen(&run, minutes(2), Some(minutes(400)));
    let down = seen(&run, minutes(3), None);
    keep(&world, &[last, before, down]).await?;
    let policy_facts = world
        .store
        .policy_facts(&world.home, &["www.example.org".to_owned()])
        .await?;
    assert_eq!(policy_facts[0].served_until, Some(minutes(400)));
    Ok(())
}

#[tokio::test]
async fn what_a_host_serves_is_kept_whatever_its_texts_hold() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let mut odd = seen(&run, minutes(1), None);
    odd.snapshot.seen = domain::certificate::LookResult::Unreachable {
        probe_error: "it said \u{0}".to_owned(),
    };
    keep(&world, &[odd]).await?;
    let found = kept(&world, &world.home, &run).await?;
    assert_eq!(found[0]["probe_error"], "it said \u{fffd}");
    Ok(())
}

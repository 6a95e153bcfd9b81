use std::time::Duration;

use anyhow::Result;
use domain::Timestamp;
use domain::ids::HostId;
use store::{Due, Sighting, SnapshotRow};

use crate::samples::seen;
use crate::world::{World, minutes, now};

const LONG_AGO: Timestamp = Timestamp::EPOCH;

async fn due(world: &World, window: i64, at: Timestamp) -> Result<Vec<HostId>> {
    let until = at.plus(Duration::from_secs(60));
    let due: Vec<Due> = world.store.claim_due(window, (LONG_AGO, at, until)).await?;
    Ok(due.into_iter().map(|one| one.id).collect())
}

async fn sighted(world: &World, host: HostId, asked_at: Timestamp, next_at: Timestamp) -> Result<()> {
    let mut survey = world.store.survey().await?;
    assert_eq!(survey.load(&[host]).await?.len(), 1);
    let sighting = Sighting {
        host_id: host,
        asked_at,
        seen_at: asked_at,
        sight: "as ever".to_owned(),
        next_at,
    };
    survey.save(&[sighting]).await?;
    Ok(survey.commit().await?)
}

#[tokio::test]
async fn a_new_host_is_due_once_and_again_when_nobody_answers() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("www.example.org").await?;
    assert_eq!(due(&world, 10, now()).await?, [host]);
    assert_eq!(due(&world, 10, now()).await?, []);
    assert_eq!(due(&world, 10, minutes(1)).await?, [host]);
    Ok(())
}

#[tokio::test]
async fn the_window_counts_what_is_out_until_it_is_answered_or_lost() -> Result<()> {
    let world = World::new().await?;
    for number in 0..3 {
        world.host(&format!("host-{number}.example.org")).await?;
    }
    let first = due(&world, 2, now()).await?;
    assert_eq!(first.len(), 2);
    assert_eq!(due(&world, 2, now()).await?, [], "both places are taken");
    sighted(&world, first[0], now(), minutes(60)).await?;
    assert_eq!(due(&world, 2, now()).await?.len(), 1);
    let lost = world.store.claim_due(2, (minutes(1), minutes(2), minutes(3))).await?;
    assert_eq!(lost.len(), 2, "what was lost holds no place, and is due again");
    Ok(())
}

#[tokio::test]
async fn an_answered_host_is_due_at_its_next_time() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("www.example.org").await?;
    due(&world, 10, now()).await?;
    sighted(&world, host, now(), minutes(30)).await?;
    assert_eq!(due(&world, 10, minutes(29)).await?, []);
    assert_eq!(due(&world, 10, minutes(30)).await?, [host]);
    let view = world
        .store
        .host(&world.home, (Some(host), None))
        .await?
        .expect("it is there");
    assert_eq!((view.last_seen_at, view.answered_at), (Some(now()), Some(now())));
    Ok(())
}

#[tokio::test]
async fn an_answer_leaves_a_younger_ask_out() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("www.example.org").await?;
    due(&world, 10, now()).await?;
    let names = ["www.example.org".to_owned(), "other.example.org".to_owned()];
    let named = world
        .store
        .claim_named((&world.home, &names), (minutes(1), minutes(2)))
        .await?;
    assert_eq!(named.len(), 1, "what is no host is left out");
    sighted(&world, host, now(), minutes(60)).await?;
    assert_eq!(due(&world, 1, minutes(1)).await?, [], "the younger ask holds its place");
    assert_eq!(
        due(&world, 10, minutes(2)).await?,
        [host],
        "and is due again when it is lost"
    );
    Ok(())
}

#[tokio::test]
async fn a_host_of_another_workspace_is_not_taken_by_name() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    world.host_of(&neighbour, "www.example.org").await?;
    let names = ["www.example.org".to_owned()];
    let taken = world
        .store
        .claim_named((&world.home, &names), (now(), minutes(1)))
        .await?;
    assert!(taken.is_empty(), "{taken:?}");
    assert!(
        world
            .store
            .host(&world.home, (None, Some("www.example.org")))
            .await?
            .is_none()
    );
    Ok(())
}

/// Keeps these snapshots of a host that no run took.
async fn kept(world: &World, rows: &[SnapshotRow]) -> Result<()> {
    let mut survey = world.store.survey().await?;
    survey.keep_snapshots(rows).await?;
    Ok(survey.commit().await?)
}

#[tokio::test]
async fn retention_leaves_what_is_last_known_and_what_an_active_run_took() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let by_probe = |row: SnapshotRow| SnapshotRow { run_id: None, ..row };
    let of_run = seen(&run, minutes(1), Some(minutes(90)));
    let old = by_probe(seen(&run, minutes(2), Some(minutes(90))));
    let served = by_probe(seen(&run, minutes(3), Some(minutes(90))));
    let down = by_probe(seen(&run, minutes(4), None));
    let newest = by_probe(seen(&run, minutes(5), None));
    let all = [of_run, old, served, down, newest];
    kept(&world, &all).await?;

    assert_eq!(
        world.store.forget_snapshots(minutes(3), 10).await?,
        1,
        "only what is older"
    );
    assert_eq!(world.store.forget_snapshots(minutes(60), 10).await?, 1);
    assert_eq!(world.store.forget_snapshots(minutes(60), 10).await?, 0);
    let left = world.store.snapshots(&world.home, run.head.host_id, 10).await?;
    let left: Vec<&str> = left.iter().filter_map(|one| one["id"].as_str()).collect();
    let ids: Vec<String> = all.iter().map(|row| row.snapshot.id.to_string()).collect();
    assert_eq!(
        left,
        [&ids[4], &ids[2], &ids[0]],
        "the newest, the newest certificate, the run's"
    );
    Ok(())
}

#[tokio::test]
async fn retention_works_in_batches() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let rows: Vec<SnapshotRow> = (1..=6)
        .map(|minute| SnapshotRow {
            run_id: None,
            ..seen(&run, minutes(minute), None)
        })
        .collect();
    kept(&world, &rows).await?;
    for left in [2, 2, 1, 0] {
        assert_eq!(world.store.forget_snapshots(minutes(60), 2).await?, left);
    }
    Ok(())
}

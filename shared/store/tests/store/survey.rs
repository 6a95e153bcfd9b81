use std::time::Duration;

use anyhow::Result;
use domain::Timestamp;
use domain::ids::HostId;
use domain::observation::Steadiness;
use domain::observation::trouble::Standing;
use store::{AskWindow, Due, Observation, SnapshotRow};

use crate::samples::seen;
use crate::world::{World, minutes, now};

const LONG_AGO: Timestamp = Timestamp::EPOCH;

fn room(most: i64, lost: Timestamp) -> AskWindow {
    AskWindow { most, lost }
}

async fn due(world: &World, window: i64, at: Timestamp) -> Result<Vec<HostId>> {
    let until = at.plus(Duration::from_secs(60));
    let due: Vec<Due> = world.store.claim_due(room(window, LONG_AGO), at, until).await?;
    Ok(due.into_iter().map(|one| one.id).collect())
}

async fn sighted(world: &World, host: HostId, asked_at: Timestamp, next_at: Timestamp) -> Result<()> {
    let mut survey = world.store.survey().await?;
    assert_eq!(survey.load(&[host]).await?.len(), 1);
    let observation = Observation {
        host_id: host,
        asked_at,
        seen_at: asked_at,
        digest: "as ever".to_owned(),
        steadiness: Steadiness::default(),
        standing: Standing::default(),
        next_at,
    };
    survey.save(&[observation]).await?;
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
    let lost = world
        .store
        .claim_due(room(2, minutes(1)), minutes(2), minutes(3))
        .await?;
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
        .host(&world.home, Some(host), None)
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
        .claim_named(&world.home, &names, minutes(1), minutes(2))
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
async fn hosts_are_looked_at_before_their_time_as_far_as_the_window_has_room() -> Result<()> {
    let world = World::new().await?;
    let hosts = [world.host("a.example.org").await?, world.host("b.example.org").await?];
    let claim = || world.store.claim_hosts(&hosts, room(1, LONG_AGO), now(), minutes(1));
    let taken = claim().await?;
    assert_eq!(taken.len(), 1);
    assert!(claim().await?.is_empty(), "the place is taken");
    let mut ledger = world.store.ledger().await?;
    let (looks, out) = ledger.looks(&hosts, LONG_AGO).await?;
    ledger.commit().await?;
    let look = &looks[&taken[0].id];
    assert_eq!(
        (out, look.asked_at, look.answered_at, look.served_until),
        (1, Some(now()), None, None)
    );

    sighted(&world, taken[0].id, now(), minutes(60)).await?;
    let mut ledger = world.store.ledger().await?;
    let (looks, out) = ledger.looks(&hosts, LONG_AGO).await?;
    ledger.commit().await?;
    assert_eq!((out, looks[&taken[0].id].answered_at), (0, Some(now())));
    Ok(())
}

#[tokio::test]
async fn a_host_of_another_workspace_is_not_taken_by_name() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    world.host_of(&neighbour, "www.example.org").await?;
    let names = ["www.example.org".to_owned()];
    let taken = world.store.claim_named(&world.home, &names, now(), minutes(1)).await?;
    assert!(taken.is_empty(), "{taken:?}");
    assert!(
        world
            .store
            .host(&world.home, None, Some("www.example.org"))
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

/// A look of a run, or of the survey, that saw two leaves at one address.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_mixed_host_is_known_to_runs_and_looks_and_due_within_minutes_until_it_is_steady() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let host = run.head.host_id;
    due(&world, 10, now()).await?;
    sighted(&world, host, now(), minutes(600)).await?;
    let mut row = seen(&run, minutes(1), Some(minutes(900)));
    row.snapshot.others = vec![domain::certificate::OtherLeaf {
        fingerprint: domain::certificate::Fingerprint::of(b"old"),
        called: "CN=old".to_owned(),
        not_after: minutes(2),
    }];
    let mut ledger = world.store.ledger().await?;
    assert!(ledger.mixed(&[host]).await?.is_empty());
    ledger.keep_snapshots(&[row.clone()]).await?;
    assert!(ledger.mixed(&[host]).await?.contains(&host));
    ledger.commit().await?;

    let claimed = world
        .store
        .claim_due(room(10, LONG_AGO), minutes(6), minutes(7))
        .await?;
    assert_eq!((claimed.len(), claimed[0].is_mixed), (1, true));
    let domain::certificate::LookResult::Served(served) = &row.snapshot.seen else {
        panic!("it served a certificate")
    };
    assert_eq!(
        claimed[0].last,
        [(row.snapshot.dialled, served.leaf.fingerprint.clone())]
    );

    let mut survey = world.store.survey().await?;
    let locked = survey.load(&[host]).await?.remove(0);
    assert_eq!(locked.steadiness.mixed_at, Some(minutes(1)));
    let steady = Steadiness {
        mixed_at: None,
        since: Some(minutes(6)),
        looks: 3,
    };
    let observation = Observation {
        host_id: host,
        asked_at: minutes(6),
        seen_at: minutes(16),
        digest: "calm".to_owned(),
        steadiness: steady,
        standing: Standing::default(),
        next_at: minutes(600),
    };
    survey.save(&[observation]).await?;
    assert_eq!(survey.load(&[host]).await?.remove(0).steadiness, steady);
    survey.commit().await?;
    Ok(())
}

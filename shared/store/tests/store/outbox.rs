use std::collections::HashMap;

use anyhow::Result;
use domain::run::{Event, Status};
use domain::{RunId, Timestamp};

use crate::world::{World, loaded_ids, minutes, now};

/// Past every instant of these tests.
fn later() -> Timestamp {
    minutes(100)
}

/// Looks, and lets go of what it found: locked runs are left out of the next look.
async fn unpublished(world: &World, before: Timestamp) -> Result<Vec<RunId>> {
    let mut ledger = world.store.ledger().await?;
    let found = loaded_ids(&ledger.unpublished(before, 10).await?);
    ledger.commit().await?;
    Ok(found)
}

/// A run whose first order is out, and whose status is published.
async fn announced(world: &World, hostname: &str) -> Result<RunId> {
    let run = world.created(hostname).await?.head.id;
    world.happens(run, [Event::Released], now()).await?;
    world.store.mark_announced(&[(run, Status::Running)]).await?;
    Ok(run)
}

/// The first order had no answer; the second one is out.
async fn ordered_again(world: &World, run: RunId) -> Result<()> {
    let events = [Event::Overdue { attempt: 1 }, Event::Released];
    world.happens(run, events, minutes(2)).await
}

#[tokio::test]
async fn an_order_is_published_again_until_it_is_marked_as_sent() -> Result<()> {
    let world = World::new().await?;
    let run = announced(&world, "www.example.org").await?;
    assert_eq!(unpublished(&world, later()).await?, [run]);
    world.store.mark_sent(&[(run, 1)]).await?;
    assert_eq!(unpublished(&world, later()).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_status_is_published_again_until_it_is_marked_as_announced() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    assert_eq!(unpublished(&world, later()).await?, [run]);
    world.store.mark_announced(&[(run, Status::Queued)]).await?;
    assert_eq!(unpublished(&world, later()).await?, []);
    Ok(())
}

#[tokio::test]
async fn what_moved_just_now_is_left_to_the_one_who_moved_it() -> Result<()> {
    let world = World::new().await?;
    let run = announced(&world, "www.example.org").await?;
    assert_eq!(unpublished(&world, now()).await?, []);
    assert_eq!(unpublished(&world, minutes(1)).await?, [run]);
    Ok(())
}

#[tokio::test]
async fn the_mark_of_an_old_order_does_not_mark_the_newer_one() -> Result<()> {
    let world = World::new().await?;
    let run = announced(&world, "www.example.org").await?;
    ordered_again(&world, run).await?;
    world.store.mark_sent(&[(run, 1)]).await?;
    assert_eq!(unpublished(&world, later()).await?, [run]);
    world.store.mark_sent(&[(run, 2)]).await?;
    assert_eq!(unpublished(&world, later()).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_new_order_is_not_sent_because_the_old_one_was() -> Result<()> {
    let world = World::new().await?;
    let run = announced(&world, "www.example.org").await?;
    world.store.mark_sent(&[(run, 1)]).await?;
    ordered_again(&world, run).await?;
    assert_eq!(unpublished(&world, later()).await?, [run]);
    Ok(())
}

#[tokio::test]
async fn the_mark_of_an_old_status_does_not_mark_the_newer_one() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    world.happens(run, [Event::Released], now()).await?;
    world.store.mark_sent(&[(run, 1)]).await?;
    world.store.mark_announced(&[(run, Status::Queued)]).await?;
    assert_eq!(unpublished(&world, later()).await?, [run]);
    Ok(())
}

#[tokio::test]
async fn a_mark_of_an_old_status_that_comes_late_does_not_take_the_newer_one_back() -> Result<()> {
    let world = World::new().await?;
    let run = announced(&world, "www.example.org").await?;
    world.store.mark_sent(&[(run, 1)]).await?;
    world.store.mark_announced(&[(run, Status::Queued)]).await?;
    assert_eq!(unpublished(&world, later()).await?, []);
    Ok(())
}

#[tokio::test]
async fn each_mark_holds_for_its_own_run() -> Result<()> {
    let world = World::new().await?;
    let one = announced(&world, "a.example.org").await?;
    let other = announced(&world, "b.example.org").await?;
    ordered_again(&world, other).await?;
    world.store.mark_sent(&[(one, 1), (other, 1)]).await?;
    assert_eq!(unpublished(&world, later()).await?, [other]);
    Ok(())
}

#[tokio::test]
async fn a_mark_does_not_wait_for_a_run_that_moves_just_now() -> Result<()> {
    let world = World::new().await?;
    let still = announced(&world, "a.example.org").await?;
    let moving = announced(&world, "b.example.org").await?;
    let mut ledger = world.store.ledger().await?;
    ledger.load(&[moving]).await?;
    world.store.mark_sent(&[(still, 1), (moving, 1)]).await?;
    world.store.mark_announced(&[(moving, Status::Running)]).await?;
    ledger.commit().await?;
    assert_eq!(unpublished(&world, later()).await?, [moving]);
    Ok(())
}

#[tokio::test]
async fn who_moves_a_run_marks_by_the_way_what_is_published_of_it() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    let loaded = world.loaded(run).await?;
    let mut ledger = world.store.ledger().await?;
    ledger.load(&[run]).await?;
    ledger
        .save(&[loaded], &HashMap::from([(run, Status::Queued)]), now())
        .await?;
    ledger.commit().await?;
    assert_eq!(unpublished(&world, later()).await?, []);
    Ok(())
}

#[tokio::test]
async fn two_postmen_never_hold_the_same_run() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    let (mut one, mut other) = (world.store.ledger().await?, world.store.ledger().await?);
    assert_eq!(loaded_ids(&one.unpublished(later(), 2).await?), runs[..2]);
    assert_eq!(loaded_ids(&other.unpublished(later(), 2).await?), runs[2..]);
    Ok(())
}

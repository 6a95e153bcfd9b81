use std::collections::HashMap;

use anyhow::Result;
use domain::disposition::Failure;
use domain::run::{Event, Outcome, Status, Step};
use domain::{RunId, Timestamp};
use store::NewRun;

use crate::world::{World, loaded_ids, minutes, now, save};

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

/// A run that failed in this minute, as everybody was told.
async fn failed(world: &World, hostname: &str, minute: u64) -> Result<NewRun> {
    let run = world.created(hostname).await?;
    let failed = Event::Reported {
        step: Step::PrepareKey,
        attempt: 1,
        outcome: Outcome::Failed {
            failure: Failure::new("KEY-0001", "no", "mend it"),
        },
    };
    world
        .happens(run.head.id, [Event::Released, failed], minutes(minute))
        .await?;
    world.store.mark_announced(&[(run.head.id, Status::Failed)]).await?;
    Ok(run)
}

/// How many are announced again in this minute, of what is five minutes old.
async fn announced_again(world: &World, minute: u64) -> Result<u64> {
    Ok(world
        .store
        .announce_again(now(), minutes(minute - 5), minutes(minute), 10)
        .await?)
}

#[tokio::test]
async fn trouble_that_no_incident_has_is_announced_again_ever_more_seldom() -> Result<()> {
    let world = World::new().await?;
    let run = failed(&world, "www.example.org", 1).await?.head.id;
    assert_eq!(announced_again(&world, 5).await?, 0, "its event may be on its way");
    assert_eq!(unpublished(&world, later()).await?, []);
    assert_eq!(announced_again(&world, 7).await?, 1);
    assert_eq!(unpublished(&world, later()).await?, [run]);
    world.store.mark_announced(&[(run, Status::Failed)]).await?;
    assert_eq!(announced_again(&world, 12).await?, 0);
    assert_eq!(announced_again(&world, 13).await?, 1, "after twice as long");
    Ok(())
}

#[tokio::test]
async fn trouble_that_an_incident_has_is_not_announced_again_and_later_trouble_is() -> Result<()> {
    let world = World::new().await?;
    let known = failed(&world, "known.example.org", 0).await?;
    crate::incidents::kept(&world, &known).await?;
    assert_eq!(announced_again(&world, 7).await?, 0);
    let later = failed(&world, "later.example.org", 1).await?;
    crate::incidents::kept(&world, &later).await?;
    assert_eq!(
        announced_again(&world, 7).await?,
        1,
        "the incident is of earlier trouble"
    );
    Ok(())
}

#[tokio::test]
async fn a_plan_is_changed_only_by_an_amendment() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let mut changed = world.loaded(run.head.id).await?;
    changed.plan.port = 8443;
    let mut ledger = world.store.ledger().await?;
    save(&mut ledger, std::slice::from_ref(&changed), minutes(1)).await?;
    assert_eq!(ledger.load(&[run.head.id]).await?[0].plan, run.plan);
    ledger.amend(&[&changed]).await?;
    assert_eq!(ledger.load(&[run.head.id]).await?[0].plan.port, 8443);
    ledger.commit().await?;
    let policy_facts = world.store.policy_facts_of_runs(&world.home, &[run.head.id]).await?;
    assert_eq!(policy_facts.len(), 1, "today's policy of its host");
    Ok(())
}

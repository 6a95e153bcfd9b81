use std::time::Duration;

use anyhow::Result;
use domain::disposition::Question;
use domain::limit::Bucket;
use domain::run::{Because, Event, Outcome, Position, Step};
use domain::{RunId, Timestamp};

use crate::samples::failure;
use crate::world::{World, loaded_ids, minutes, now, save};

/// An order of the first step may be out for a minute.
fn deadline() -> Timestamp {
    minutes(1)
}

fn just_after(at: Timestamp) -> Timestamp {
    at.plus(Duration::from_micros(1))
}

async fn overdue(world: &World, at: Timestamp) -> Result<Vec<RunId>> {
    let mut ledger = world.store.ledger().await?;
    let found = loaded_ids(&ledger.overdue(at, 10).await?);
    ledger.commit().await?;
    Ok(found)
}

async fn due_again(world: &World, at: Timestamp) -> Result<Vec<RunId>> {
    let mut ledger = world.store.ledger().await?;
    let found = loaded_ids(&ledger.due_again(at, 10).await?);
    ledger.commit().await?;
    Ok(found)
}

#[tokio::test]
async fn an_order_is_overdue_past_its_deadline_and_not_before() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    world.happens(runs[0], [Event::Released], now()).await?;
    world.happens(runs[1], [Event::Released], minutes(1)).await?;

    assert_eq!(overdue(&world, deadline()).await?, []);
    assert_eq!(overdue(&world, just_after(deadline())).await?, [runs[0]]);
    // The third has waited long, but no worker owes it an answer.
    assert_eq!(overdue(&world, minutes(60)).await?, runs[..2]);
    Ok(())
}

#[tokio::test]
async fn an_overdue_run_is_given_to_one_ledger_only() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    for run in &runs {
        world.happens(*run, [Event::Released], now()).await?;
    }
    let (mut one, mut other) = (world.store.ledger().await?, world.store.ledger().await?);
    assert_eq!(loaded_ids(&one.overdue(minutes(2), 2).await?), runs[..2]);
    assert_eq!(loaded_ids(&other.overdue(minutes(2), 2).await?), runs[2..]);
    Ok(())
}

fn asks(question: Question) -> [Event; 2] {
    let outcome = Outcome::Stuck {
        question,
        forget_checkpoint: false,
        left: None,
    };
    let reported = Event::Reported {
        step: Step::PrepareKey,
        attempt: 1,
        outcome,
    };
    [Event::Released, reported]
}

/// Runs out of a certificate's life: it asks, and tries again by itself at `until`.
fn asks_until(until: Timestamp) -> [Event; 2] {
    let outcome = Outcome::Retry {
        until,
        failure: failure("busy"),
        forget_checkpoint: false,
        left: None,
    };
    let reported = Event::Reported {
        step: Step::PrepareKey,
        attempt: 1,
        outcome,
    };
    [Event::Released, reported]
}

#[tokio::test]
async fn a_run_that_asks_is_due_again_at_its_instant_if_it_has_one() -> Result<()> {
    let world = World::new().await?;
    let mut runs = [world.run("a.example.org").await?, world.run("b.example.org").await?];
    runs[1].plan.expires_at = Some(minutes(10));
    world.create(&runs).await?;
    let (silent, trying) = (runs[0].head.id, runs[1].head.id);
    world.happens(silent, asks(failure("no idea").ask()), now()).await?;
    world.happens(trying, asks_until(minutes(20)), now()).await?;

    assert_eq!(due_again(&world, minutes(19)).await?, []);
    assert_eq!(due_again(&world, minutes(20)).await?, [trying]);
    assert_eq!(due_again(&world, minutes(10_000)).await?, [trying]);
    assert_eq!(overdue(&world, minutes(10_000)).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_run_that_waits_for_a_limit_for_too_long_is_found_once() -> Result<()> {
    let world = World::new().await?;
    let mut runs = [world.run("a.example.org").await?, world.run("b.example.org").await?];
    runs[0].plan.expires_at = Some(minutes(100));
    world.create(&runs).await?;
    let (near, unseen) = (runs[0].head.id, runs[1].head.id);
    for id in [near, unseen] {
        waits_for_a_limit(&world, id, now()).await?;
    }
    // Another limit has no room now: it is the same wait.
    waits_for_a_limit(&world, near, minutes(30)).await?;
    let outwaited = async |at| -> Result<Vec<RunId>> {
        let mut ledger = world.store.ledger().await?;
        let found = loaded_ids(&ledger.outwaited(at, 10).await?);
        ledger.commit().await?;
        Ok(found)
    };

    assert_eq!(
        outwaited(minutes(49)).await?,
        [],
        "half of the life is left to a person"
    );
    assert_eq!(outwaited(minutes(50)).await?, [near]);
    assert_eq!(outwaited(minutes(51)).await?, []);
    world.happens(near, [Event::Outwaited], minutes(51)).await?;
    assert_eq!(
        due_again(&world, minutes(60)).await?,
        [near],
        "it asks, and tries again"
    );
    assert_eq!(outwaited(minutes(24 * 60)).await?, [unseen]);
    Ok(())
}

async fn waits_for_a_limit(world: &World, id: RunId, since: Timestamp) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    let mut found = ledger.load(&[id]).await?;
    for run in &mut found {
        let because = Because::Limit {
            name: "orders per account".to_owned(),
            bucket: Bucket {
                limit: "ca.orders".to_owned(),
                key: "default".to_owned(),
            },
            shared: true,
        };
        let (step, until) = (Step::Issue, since);
        run.state.position = Position::Waiting { step, until, because };
    }
    save(&mut ledger, &found, since).await?;
    Ok(ledger.commit().await?)
}

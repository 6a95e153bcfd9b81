use std::time::Duration;

use anyhow::{Context, Result};
use domain::RunId;
use domain::host::Criticality;
use domain::plan::Lane;
use domain::run::{Event, Outcome, PreparedKey, Product, Step};
use store::{LedgerTx, NewRun, StoreError};
use tokio::time::timeout;

use crate::world::{FIRST_LANE, With, World, ids, loaded_ids, minutes, now, released, save, sorted};

/// Far more than a lock that is not waited for can take.
const AT_ONCE: Duration = Duration::from_secs(20);

async fn turns(ledger: &mut LedgerTx, room: i64) -> Result<Vec<RunId>, StoreError> {
    Ok(loaded_ids(
        &ledger.next_in_lanes(&[(Lane::new(FIRST_LANE), room)], now()).await?,
    ))
}

/// All that wait, in the order in which one place after the other gives them their turn.
async fn one_by_one(world: &World) -> Result<Vec<RunId>> {
    let (mut ledger, mut order) = (world.store.ledger().await?, Vec::new());
    loop {
        let next = ledger.next_in_lanes(&[(Lane::new(FIRST_LANE), 1)], minutes(60)).await?;
        if next.is_empty() {
            return Ok(order);
        }
        order.extend(loaded_ids(&next));
        save(&mut ledger, &released(next, minutes(60))?, minutes(60)).await?;
    }
}

#[tokio::test]
async fn ledgers_that_work_at_once_never_hand_out_the_same_run() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(10).await?;
    let (mut handed_out, mut held) = (Vec::new(), Vec::new());
    for expected in [4, 4, 2, 0] {
        let mut ledger = world.store.ledger().await?;
        let given = timeout(AT_ONCE, turns(&mut ledger, 4))
            .await
            .context("it waited for another ledger")??;
        assert_eq!(given.len(), expected);
        handed_out.extend(given);
        held.push(ledger);
    }
    assert_eq!(sorted(handed_out), runs);
    Ok(())
}

#[tokio::test]
async fn what_a_ledger_gave_up_is_handed_out_again() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    let mut ledger = world.store.ledger().await?;
    assert_eq!(turns(&mut ledger, 3).await?.len(), 3);
    drop(ledger);
    // The rollback of a dropped transaction is sent before its connection is used again.
    let mut next = world.store.ledger().await?;
    next.load(&runs).await?;
    assert_eq!(sorted(turns(&mut next, 3).await?), runs);
    Ok(())
}

#[tokio::test]
async fn the_most_critical_goes_first_then_the_longest_due_then_the_oldest() -> Result<()> {
    let world = World::new().await?;
    let run = async |name: &str, criticality, due| -> Result<NewRun> {
        Ok(world.run(name).await?.of(criticality).due(minutes(due)))
    };
    let first_made = run("low.example.org", Criticality::Low, 0).await?;
    let due_at_five = run("five.example.org", Criticality::Medium, 5).await?;
    let due_at_five_too = run("five-too.example.org", Criticality::Medium, 5).await?;
    let due_at_three = run("three.example.org", Criticality::Medium, 3).await?;
    let high = run("high.example.org", Criticality::High, 8).await?;
    let critical = run("critical.example.org", Criticality::Critical, 9).await?;
    let wanted = [critical, high, due_at_three, due_at_five, due_at_five_too, first_made];
    let mut mixed = wanted.clone();
    mixed.reverse();
    world.create(&mixed).await?;

    assert_eq!(one_by_one(&world).await?, ids(&wanted));
    Ok(())
}

#[tokio::test]
async fn a_run_is_not_handed_out_before_it_is_due() -> Result<()> {
    let world = World::new().await?;
    let later = world.run("later.example.org").await?.due(minutes(5));
    world.create(std::slice::from_ref(&later)).await?;
    let mut ledger = world.store.ledger().await?;
    let lane = [(Lane::new(FIRST_LANE), 10)];

    assert!(ledger.next_in_lanes(&lane, minutes(4)).await?.is_empty());
    assert_eq!(
        loaded_ids(&ledger.next_in_lanes(&lane, minutes(5)).await?),
        ids(&[later])
    );
    Ok(())
}

#[tokio::test]
async fn a_critical_run_that_is_not_due_holds_nobody_up() -> Result<()> {
    let world = World::new().await?;
    let critical = world.run("critical.example.org").await?.of(Criticality::Critical);
    let due = world.run("due.example.org").await?.of(Criticality::Low);
    world.create(&[critical.due(minutes(5)), due.clone()]).await?;

    assert_eq!(turns(&mut world.store.ledger().await?, 1).await?, ids(&[due]));
    Ok(())
}

#[tokio::test]
async fn each_lane_gives_its_own_turns() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(5).await?;
    let key = Product::PreparedKey(PreparedKey {
        csr_pem: "csr".to_owned(),
        sealed_key: None,
    });
    let done = Event::Reported {
        step: Step::PrepareKey,
        attempt: 1,
        outcome: Outcome::Done { product: key },
    };
    for run in &runs[..3] {
        world.happens(*run, [Event::Released, done.clone()], now()).await?;
    }
    let mut ledger = world.store.ledger().await?;
    let issue = Lane::new("issue https://ca.example.org/dir");
    let first = Lane::new(FIRST_LANE);

    assert_eq!(ledger.waiting_lanes().await?, [issue.clone(), first.clone()]);
    let given = loaded_ids(&ledger.next_in_lanes(&[(issue, 2), (first, 1)], now()).await?);
    let of = |these: &[RunId]| given.iter().filter(|id| these.contains(id)).count();
    assert_eq!((of(&runs[..3]), of(&runs[3..])), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_out_has_no_turn() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    world.happens(runs[0], [Event::Released], now()).await?;
    assert_eq!(turns(&mut world.store.ledger().await?, 10).await?, [runs[1]]);
    Ok(())
}

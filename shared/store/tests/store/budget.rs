//! Money of a month: what runs under way will cost, what was paid, and what waits.

use anyhow::{Context, Result};
use domain::budget::Sum;
use domain::clock::Timestamp;
use domain::run::Event;
use store::{Judgement, NewRun, Paid};
use tokio::time::{Duration, timeout};

use crate::world::{World, minutes, now};

/// A run at this price, created.
async fn priced(world: &World, hostname: &str, price: Option<u64>) -> Result<NewRun> {
    let mut run = world.run(hostname).await?;
    run.plan.choice.cost_micro_usd = price;
    world.create(std::slice::from_ref(&run)).await?;
    Ok(run)
}

async fn pays(world: &World, run: &NewRun, cost_micro_usd: Option<u64>) -> Result<()> {
    let paid = Paid {
        run_id: run.head.id,
        workspace: world.home.clone(),
        cost_micro_usd,
    };
    let mut ledger = world.store.ledger().await?;
    ledger.keep_spending(&[paid], minutes(1)).await?;
    Ok(ledger.commit().await?)
}

const fn sum(micro_usd: u64, price_unknown: u32) -> Sum {
    Sum {
        micro_usd,
        price_unknown,
    }
}

#[tokio::test]
async fn what_is_under_way_is_counted_until_it_is_paid_and_then_once() -> Result<()> {
    let world = World::new().await?;
    let dear = priced(&world, "a.example.org", Some(7)).await?;
    let odd = priced(&world, "b.example.org", None).await?;
    priced(&world, "c.example.org", Some(0)).await?;
    let given_up = priced(&world, "d.example.org", Some(100)).await?;
    let by = "ann".to_owned();
    world
        .happens(given_up.head.id, [Event::CancelRequested { by }], now())
        .await?;
    let before = world.store.budget(&world.home, now()).await?;
    assert_eq!((before.spent, before.active), (sum(0, 0), sum(7, 1)));

    for _ in 0..2 {
        pays(&world, &dear, Some(7)).await?;
        pays(&world, &odd, None).await?;
    }
    let after = world.store.budget(&world.home, now()).await?;
    assert_eq!((after.spent, after.active), (sum(7, 1), sum(0, 0)));
    let next = world.store.budget(&world.home, after.month.ends_at()).await?;
    assert_eq!(next.spent, sum(0, 0), "another month, another purse");
    let neighbour = world.neighbour().await?;
    assert_eq!(world.store.budget(&neighbour, now()).await?.spent, sum(0, 0));
    Ok(())
}

#[tokio::test]
async fn one_planner_at_a_time_draws_from_a_budget() -> Result<()> {
    let world = World::new().await?;
    assert!(
        world.store.hold_budget(&world.home, now()).await?.is_none(),
        "it has none"
    );
    world.store.set_budget(&world.home, Some(10), now()).await?;
    let held = world.store.hold_budget(&world.home, now()).await?.context("a budget")?;
    // Runs can be created meanwhile: their rows refer to the workspace.
    priced(&world, "a.example.org", Some(7)).await?;
    let second = world.store.hold_budget(&world.home, now());
    assert!(timeout(Duration::from_millis(200), second).await.is_err(), "it waits");
    held.release().await?;
    let second = world.store.hold_budget(&world.home, now()).await?.context("a budget")?;
    assert_eq!(second.budget.left_micro_usd(), Some(3));
    Ok(())
}

#[tokio::test]
async fn what_waits_for_money_is_judged_again_when_the_budget_changes() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("a.example.org").await?;
    let judge = |at: Timestamp, waits_for_budget| Judgement {
        policy: run.head.policy_id,
        due_at: Some(now()),
        judge_at: at,
        why: "budget: it is spent".to_owned(),
        waits_for_budget,
    };
    let claimed_until = minutes(5);
    assert_eq!(world.store.policies_to_judge(now(), claimed_until, 10).await?.len(), 1);
    world
        .store
        .keep_judgements(&[judge(minutes(60), true)], claimed_until)
        .await?;
    assert_eq!(world.store.waiting_for_budget(&world.home).await?, 1);
    assert!(
        world
            .store
            .policies_to_judge(now(), claimed_until, 10)
            .await?
            .is_empty()
    );
    world.store.set_budget(&world.home, None, now()).await?;
    assert_eq!(world.store.policies_to_judge(now(), claimed_until, 10).await?.len(), 1);

    world
        .store
        .keep_judgements(&[judge(minutes(60), false)], claimed_until)
        .await?;
    world.store.set_budget(&world.home, Some(1), now()).await?;
    assert!(
        world.store.policies_to_judge(now(), minutes(5), 10).await?.is_empty(),
        "it waits for something else"
    );
    Ok(())
}

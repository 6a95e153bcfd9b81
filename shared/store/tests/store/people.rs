//! What people did to runs, and which runs they mean when they speak of all.

use anyhow::Result;
use domain::disposition::Failure;
use domain::run::{Event, Outcome, Step};
use store::{Act, Standing, StoreError};

use crate::world::{With, World, minutes, now};

pub fn released_and(outcome: Outcome) -> [Event; 2] {
    let (step, attempt) = (Step::PrepareKey, 1);
    [Event::Released, Event::Reported { step, attempt, outcome }]
}

fn failure(code: &str) -> Failure {
    Failure::new(code, "what", "hint")
}

#[tokio::test]
async fn acts_are_kept_in_order_and_seen_at_home_only() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    let act = |verb: &str, at| Act {
        run_id: run,
        at,
        verb: verb.to_owned(),
        person: "ann".to_owned(),
        note: String::new(),
    };
    let acts = [act("resume", now()), act("cancel", minutes(1))];
    let mut ledger = world.store.ledger().await?;
    ledger.keep_acts(&acts).await?;
    ledger.keep_acts(&[]).await?;
    ledger.commit().await?;
    assert_eq!(world.store.acts(&world.home, run).await?, acts);
    let neighbour = world.neighbour().await?;
    assert_eq!(world.store.acts(&neighbour, run).await?, []);
    assert!(
        world
            .store
            .ledger()
            .await?
            .load_of(&neighbour, &[run])
            .await?
            .is_empty()
    );
    assert_eq!(world.store.ledger().await?.load_of(&world.home, &[run]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn all_are_those_that_ask_or_those_whose_last_run_failed() -> Result<()> {
    let world = World::new().await?;
    let (asking, failed) = (world.run("a.example.org").await?, world.run("f.example.org").await?);
    let overtaken = world.run("o.example.org").await?;
    world
        .create(&[asking.clone(), failed.clone(), overtaken.clone()])
        .await?;
    let stuck = Outcome::Stuck {
        question: failure("ISS-0007").ask(),
        forget_checkpoint: false,
        left: None,
    };
    world.happens(asking.head.id, released_and(stuck), now()).await?;
    for run in [&failed, &overtaken] {
        let outcome = Outcome::Failed {
            failure: failure("ISS-0008"),
        };
        world.happens(run.head.id, released_and(outcome), now()).await?;
    }
    world.create(&[overtaken.again(), failed.again().rehearsed()]).await?;

    for (standing, code, expected) in [
        (Standing::Asking, None, vec![asking.head.id]),
        (Standing::Asking, Some("ISS-0007"), vec![asking.head.id]),
        (Standing::Asking, Some("ISS-0008"), vec![]),
        (Standing::FailedLast, None, vec![failed.head.id]),
        (Standing::FailedLast, Some("ISS-0008"), vec![failed.head.id]),
        (Standing::FailedLast, Some("ISS-0007"), vec![]),
    ] {
        assert_eq!(
            world.store.standing(&world.home, standing, code, 10).await?,
            expected,
            "{standing:?} {code:?}"
        );
    }
    let neighbour = world.neighbour().await?;
    assert_eq!(world.store.standing(&neighbour, Standing::Asking, None, 10).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_statement_that_is_refused_for_good_is_not_taken_for_an_outage() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    testkit::sqlx::query("alter table run_acts rename to run_deeds")
        .execute(&world.by_hand)
        .await?;
    let refused = world.store.acts(&world.home, run).await;
    assert!(
        matches!(&refused, Err(StoreError::Faulty(why)) if why.contains("run_acts")),
        "{refused:?}"
    );
    Ok(())
}

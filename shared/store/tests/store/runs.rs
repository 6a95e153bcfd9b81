use anyhow::Result;
use domain::run::{Event, Outcome, Status, Step};
use serde_json::json;
use store::{RunFilter, StoreError};

use crate::samples::failure;
use crate::world::{With, World, duplicate, ids, minutes, now, save};

fn fails() -> [Event; 2] {
    let outcome = Outcome::Failed {
        failure: failure("refused"),
    };
    let reported = Event::Reported {
        step: Step::PrepareKey,
        attempt: 1,
        outcome,
    };
    [Event::Released, reported]
}

#[tokio::test]
async fn a_policy_has_one_active_live_run() -> Result<()> {
    let world = World::new().await?;
    let active = world.created("www.example.org").await?;

    assert_eq!(duplicate(world.create(&[active.again()]).await), "runs_one_active");

    let known = world.store.active_runs(&[active.head.policy_id]).await?;
    assert_eq!(known, [(active.head.policy_id, active.head.id)]);
    Ok(())
}

#[tokio::test]
async fn a_refused_run_takes_those_that_came_with_it_along() -> Result<()> {
    let world = World::new().await?;
    let active = world.created("www.example.org").await?;
    let innocent = world.run("mail.example.org").await?;

    let refused = world.create(&[innocent, active.again()]).await;

    assert_eq!(duplicate(refused), "runs_one_active");
    assert_eq!(world.all_runs().await?, ids(&[active]));
    Ok(())
}

#[tokio::test]
async fn rehearsals_are_free() -> Result<()> {
    let world = World::new().await?;
    let active = world.created("www.example.org").await?;
    let rehearsals = [active.again().rehearsed(), active.again().rehearsed()];

    world.create(&rehearsals).await?;

    assert_eq!(world.all_runs().await?.len(), 3);
    let known = world.store.active_runs(&[active.head.policy_id]).await?;
    assert_eq!(known, [(active.head.policy_id, active.head.id)]);
    Ok(())
}

#[tokio::test]
async fn a_policy_whose_run_has_ended_may_have_the_next_one() -> Result<()> {
    let world = World::new().await?;
    let ended = world.created("www.example.org").await?;
    world.happens(ended.head.id, fails(), now()).await?;
    assert_eq!(world.store.active_runs(&[ended.head.policy_id]).await?, []);
    world.create(&[ended.again()]).await?;
    Ok(())
}

#[tokio::test]
async fn a_failed_run_cannot_come_back_beside_an_active_one() -> Result<()> {
    let world = World::new().await?;
    let failed = world.created("www.example.org").await?;
    world.happens(failed.head.id, fails(), now()).await?;
    world.create(&[failed.again()]).await?;

    let back = world.happens(failed.head.id, [Event::Retried], now()).await;

    let refused = back
        .expect_err("the policy has an active run")
        .downcast::<StoreError>()?;
    assert_eq!(duplicate::<()>(Err(refused)), "runs_one_active");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_there_cannot_be_saved() -> Result<()> {
    let world = World::new().await?;
    let created = world.created("www.example.org").await?;
    let mut stranger = world.loaded(created.head.id).await?;
    stranger.head.id = domain::RunId::new();
    let mut ledger = world.store.ledger().await?;

    match save(&mut ledger, &[stranger], now()).await {
        Err(StoreError::RowCount { expected, found, .. }) => assert_eq!((expected, found), (1, 0)),
        other => anyhow::bail!("nothing was there to save: {other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_runs_follow_each_other_without_gap_or_repetition() -> Result<()> {
    let world = World::new().await?;
    let mut runs = world.runs(7).await?;
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let filter = RunFilter {
            before,
            ..RunFilter::default()
        };
        let page = world.store.runs(&world.home, &filter, 3).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.run.head.id);
        pages.push(page.iter().map(|view| view.run.head.id).collect::<Vec<_>>());
        // Newer runs come on the first page only.
        world.created(&format!("late-{}.example.org", pages.len())).await?;
    }
    runs.reverse();
    assert_eq!(pages, [&runs[..3], &runs[3..6], &runs[6..]]);
    Ok(())
}

#[tokio::test]
async fn the_list_is_narrowed_to_a_status_a_hostname_and_ids() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    world.happens(runs[1], [Event::Released], minutes(1)).await?;
    let found = async |filter| -> Result<Vec<domain::RunId>> {
        let views = world.store.runs(&world.home, &filter, 10).await?;
        Ok(views.iter().map(|view| view.run.head.id).collect())
    };

    let running = RunFilter {
        status: Some(Status::Running),
        ..RunFilter::default()
    };
    assert_eq!(found(running).await?, [runs[1]]);
    let named = RunFilter {
        hostname: Some("host-2.example.org".to_owned()),
        ..RunFilter::default()
    };
    assert_eq!(found(named).await?, [runs[2]]);
    let chosen = RunFilter {
        ids: Some(vec![runs[0], runs[2]]),
        ..RunFilter::default()
    };
    assert_eq!(found(chosen).await?, [runs[2], runs[0]]);
    let none = RunFilter {
        ids: Some(Vec::new()),
        ..RunFilter::default()
    };
    assert_eq!(found(none).await?, []);
    Ok(())
}

#[tokio::test]
async fn the_board_counts_the_runs_of_each_status_and_says_when_one_moved() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    world.happens(runs[0], [Event::Released], minutes(4)).await?;

    let counts = world.store.run_counts(&world.home).await?;

    assert_eq!(json!(counts), json!([["queued", 2], ["running", 1]]));
    let views = world.store.runs(&world.home, &RunFilter::default(), 10).await?;
    let moved: Vec<_> = views.iter().map(|view| view.moved_at).collect();
    assert_eq!(moved, [now(), now(), minutes(4)]);
    Ok(())
}

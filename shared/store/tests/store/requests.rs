use std::time::Duration;

use anyhow::Result;
use domain::WorkspaceId;
use serde_json::{Value, json};
use store::{AnsweredRequest, StoreError};

use crate::world::{With, World, duplicate, ids, now};

fn tonight<'a>(workspace: &'a WorkspaceId, answer: &'a Value) -> AnsweredRequest<'a> {
    AnsweredRequest {
        workspace,
        key: "tonight",
        answer,
    }
}

#[tokio::test]
async fn a_repeated_key_creates_nothing_and_leaves_the_first_answer() -> Result<()> {
    let world = World::new().await?;
    let (first, second) = (world.run("a.example.org").await?, world.run("b.example.org").await?);
    let create = async |run, answer| {
        let answer = json!(answer);
        let request = tonight(&world.home, &answer);
        world.store.create_runs(std::slice::from_ref(run), request, now()).await
    };
    create(&first, "first").await?;

    let refused = create(&second, "second").await;

    assert_eq!(duplicate(refused), "requests_pkey");
    assert_eq!(world.all_runs().await?, ids(&[first]));
    let answered = world.store.answered(&world.home, "tonight").await?;
    assert_eq!(answered, Some(json!("first")));
    Ok(())
}

#[tokio::test]
async fn of_two_requests_with_one_key_at_the_same_time_one_creates_its_run() -> Result<()> {
    let world = World::new().await?;
    let (one, other) = (world.run("a.example.org").await?, world.run("b.example.org").await?);
    let create = async |run| {
        let answer = json!("asked");
        let request = tonight(&world.home, &answer);
        world.store.create_runs(std::slice::from_ref(run), request, now()).await
    };

    let (one, other) = tokio::join!(create(&one), create(&other));

    assert!(one.is_ok() != other.is_ok(), "{one:?} and {other:?}");
    assert_eq!(world.all_runs().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_its_workspace() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    for workspace in [&world.home, &neighbour] {
        let run = world.run_of(workspace, "www.example.org").await?;
        let answer = json!(workspace.as_str());
        let request = tonight(workspace, &answer);
        world.store.create_runs(&[run], request, now()).await?;
        assert_eq!(world.store.answered(workspace, "tonight").await?, Some(answer));
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_free_again_when_its_runs_could_not_be_created() -> Result<()> {
    let world = World::new().await?;
    let active = world.created("www.example.org").await?;
    let answer = json!("asked");
    let request = tonight(&world.home, &answer);

    let refused = world.store.create_runs(&[active.again()], request, now()).await;

    assert_eq!(duplicate(refused), "runs_one_active");
    assert_eq!(world.store.answered(&world.home, "tonight").await?, None);
    Ok(())
}

#[tokio::test]
async fn an_unknown_policy_is_named_by_its_reference() -> Result<()> {
    let world = World::new().await?;
    let mut run = world.run("www.example.org").await?;
    run.head.policy_id = domain::PolicyId::new();
    match world.create(&[run]).await {
        Err(StoreError::Unknown { constraint }) => assert_eq!(constraint, "runs_policy_id_fkey"),
        other => anyhow::bail!("it refers to nothing: {other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn only_answers_of_before_are_forgotten() -> Result<()> {
    let world = World::new().await?;
    let later = now().plus(Duration::from_secs(1));
    for (key, at) in [("old", now()), ("new", later)] {
        let answer = json!(key);
        let request = AnsweredRequest {
            key,
            ..tonight(&world.home, &answer)
        };
        world.store.create_runs(&[], request, at).await?;
    }

    assert_eq!(world.store.forget_answers(later).await?, 1);

    assert_eq!(world.store.answered(&world.home, "old").await?, None);
    assert_eq!(world.store.answered(&world.home, "new").await?, Some(json!("new")));
    Ok(())
}

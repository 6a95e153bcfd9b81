//! A row that cannot be read names itself; it is never skipped in silence, it delays no other row,
//! and nothing panics.

use anyhow::Result;
use domain::RunId;
use domain::ca::CaRef;
use domain::plan::Lane;
use store::{AccountKey, RunFilter, StoreError};

use crate::samples::sealed;
use crate::world::{FIRST_LANE, World, loaded_ids, minutes, now};

/// Which table and row, and why.
fn corrupt<T>(read: Result<T, StoreError>) -> Result<(&'static str, String, String)> {
    match read {
        Err(StoreError::Corrupt { table, id, why }) => Ok((table, id, why)),
        Err(other) => Err(other.into()),
        Ok(_) => anyhow::bail!("the row was read"),
    }
}

/// What is done to the row of a run that waits, and what the error must speak of.
const NONSENSE: [(&str, &str); 13] = [
    ("update runs set phase = 'dancing'", "dancing"),
    ("update runs set step = 'sing'", "sing"),
    ("update runs set step = null", "step is missing"),
    ("update runs set due_at = null", "due_at is missing"),
    ("update runs set because = null", "because is missing"),
    ("update runs set because = '{\"because\": \"mood\"}'", "mood"),
    ("update runs set phase = 'asking'", "question is missing"),
    ("update runs set phase = 'ended'", "ending is missing"),
    ("update runs set plan = '{\"hostname\": \"www.example.org\"}'", "port"),
    ("update runs set attempt = -1", "-1 is negative"),
    ("update runs set checkpoint = '7'", "invalid type"),
    ("update runs set criticality = 'vital'", "vital"),
    ("update runs set hostname = 'not a name'", "not a name"),
];

#[tokio::test]
async fn a_run_of_nonsense_is_corrupt_by_name() -> Result<()> {
    for (nonsense, because) in NONSENSE {
        let world = World::new().await?;
        let run = world.created("www.example.org").await?.head.id;
        world.created("mail.example.org").await?;
        world.sql(nonsense).await?;

        let (table, id, why) = corrupt(world.store.ledger().await?.load(&[run]).await)?;

        assert_eq!((table, id), ("runs", run.to_string()), "{nonsense}");
        assert!(why.contains(because), "{nonsense}: {why}");
    }
    Ok(())
}

#[tokio::test]
async fn a_corrupt_run_is_not_skipped_where_people_look() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    world.sql("update runs set criticality = 'vital'").await?;
    let listed = world.store.runs(&world.home, &RunFilter::default(), 10).await;
    let (table, id, _) = corrupt(listed)?;
    assert_eq!((table, id), ("runs", run.to_string()));
    Ok(())
}

/// What the sweep of one kind finds at the end of an hour; what it sets aside is kept.
async fn sweep(world: &World, kind: &str) -> Result<Vec<RunId>> {
    let lane = [(Lane::new(FIRST_LANE), 1)];
    let mut ledger = world.store.ledger().await?;
    let found = match kind {
        "waiting" => ledger.next_in_lanes(&lane, minutes(60)).await?,
        "out" => ledger.overdue(minutes(60), 1).await?,
        "asking" => ledger.due_again(minutes(60), 1).await?,
        _ => ledger.unpublished(minutes(60), 1).await?,
    };
    ledger.commit().await?;
    Ok(loaded_ids(&found))
}

#[tokio::test]
async fn a_corrupt_run_is_set_aside_and_the_next_one_has_its_turn() -> Result<()> {
    for (kind, phase) in [
        ("waiting", "update runs set phase = 'waiting'"),
        ("out", "update runs set phase = 'out'"),
        (
            "asking",
            "update runs set phase = 'asking',
             question = '{\"code\": \"ISS-0007\", \"what\": \"w\", \"hint\": \"h\", \"answers\": []}'",
        ),
        ("unpublished", "update runs set phase = 'waiting'"),
    ] {
        let world = World::new().await?;
        let bad = world.created("bad.example.org").await?.head.id;
        let good = world.created("good.example.org").await?.head.id;
        world.sql(phase).await?;
        world
            .sql("update runs set criticality = 'vital' where hostname = 'bad.example.org'")
            .await?;

        // There is room for one only, and the bad one is first.
        assert_eq!(sweep(&world, kind).await?, [], "{kind}");
        assert_eq!(sweep(&world, kind).await?, [good], "{kind}");
        let why: Vec<(String, String)> =
            testkit::sqlx::query_as("select id::text, quarantined from runs where quarantined is not null")
                .fetch_all(&world.by_hand)
                .await?;
        assert_eq!(why.len(), 1, "{kind}: {why:?}");
        assert!(why[0].0 == bad.to_string() && why[0].1.contains("vital"), "{why:?}");

        world
            .sql("update runs set criticality = 'low', quarantined = null where quarantined is not null")
            .await?;
        assert_eq!(sweep(&world, kind).await?, [bad], "{kind}: mended, it is back");
    }
    Ok(())
}

/// A planner of a version before reads what one of a later version wrote: a state of a target that
/// it does not know sets the run aside, by name, and delays no other row. So it is for each state
/// that is added.
#[tokio::test]
async fn a_target_in_a_state_of_a_later_version_sets_its_run_aside() -> Result<()> {
    let world = World::new().await?;
    let later = world.created("later.example.org").await?.head.id;
    let good = world.created("www.example.org").await?.head.id;
    world
        .sql(
            "update runs set course = jsonb_set(course, '{targets}', '[{\"target\": \"of_a_later_version\"}]')
             where hostname = 'later.example.org'",
        )
        .await?;

    assert_eq!(sweep(&world, "waiting").await?, []);
    assert_eq!(sweep(&world, "waiting").await?, [good]);
    let (id, why): (String, String) =
        testkit::sqlx::query_as("select id::text, quarantined from runs where quarantined is not null")
            .fetch_one(&world.by_hand)
            .await?;
    assert!(id == later.to_string() && why.contains("of_a_later_version"), "{why}");

    // The later version, or a person, goes on with it.
    world
        .sql("update runs set course = jsonb_set(course, '{targets}', '[{\"target\": \"removed\", \"installed\": true}]'),
                             quarantined = null where hostname = 'later.example.org'")
        .await?;
    assert_eq!(sweep(&world, "waiting").await?, [later]);
    Ok(())
}

#[tokio::test]
async fn a_host_of_nonsense_is_corrupt_by_name() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("www.example.org").await?;
    world.sql("update hosts set says = '{\"colour\": \"red\"}'").await?;
    let policy_facts = world
        .store
        .policy_facts(&world.home, &["www.example.org".to_owned()])
        .await;
    for found in [
        world.store.hosts(&world.home, None, 10).await.map(drop),
        policy_facts.map(drop),
    ] {
        let (table, id, why) = corrupt(found)?;
        assert_eq!((table, id), ("hosts", run.head.host_id.to_string()));
        assert!(why.contains("colour"), "{why}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_of_nonsense_is_corrupt_by_name() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("www.example.org").await?;
    world
        .sql("update policies set says = says || '{\"provider\": \"magic\"}'")
        .await?;
    let policy_facts = world
        .store
        .policy_facts(&world.home, &["www.example.org".to_owned()])
        .await;
    for found in [
        world.store.policies(&world.home, None, 10).await.map(drop),
        policy_facts.map(drop),
    ] {
        let (table, id, why) = corrupt(found)?;
        assert_eq!((table, id), ("policies", run.head.policy_id.to_string()));
        assert!(why.contains("magic"), "{why}");
    }
    Ok(())
}

#[tokio::test]
async fn a_product_of_nonsense_sets_its_run_aside_and_leaves_the_others() -> Result<()> {
    let world = World::new().await?;
    let bad = world.created("bad.example.org").await?.head.id;
    let good = world.created("good.example.org").await?.head.id;
    world
        .sql("insert into run_products select id, 'tidy', '{\"product\": \"tidied\"}' from runs")
        .await?;
    world
        .sql("insert into run_products select id, 'issue', '{\"product\": \"gold\"}' from runs where hostname like 'bad%'")
        .await?;
    let shown = corrupt(world.store.products(&world.home, bad).await)?;
    assert_eq!((shown.0, shown.1), ("run_products", bad.to_string()));

    let mut ledger = world.store.ledger().await?;
    let read = ledger.products(&[bad, good]).await?;
    ledger.commit().await?;

    assert!(read.iter().any(|product| product.run_id == good));
    let lane = [(Lane::new(FIRST_LANE), 10)];
    let turns = world.store.ledger().await?.next_in_lanes(&lane, minutes(1)).await?;
    assert_eq!(loaded_ids(&turns), [good]);
    Ok(())
}

#[tokio::test]
async fn a_step_of_nonsense_is_corrupt_by_the_name_of_its_run() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    world
        .sql(
            "insert into run_steps select id, -3, 'issue', 'done', '', '', moved_at, moved_at, '[]', '[]', '[]' from runs",
        )
        .await?;
    let (table, id, why) = corrupt(world.store.steps(&world.home, run).await)?;
    assert_eq!((table, id), ("run_steps", run.to_string()));
    assert!(why.contains("-3"), "{why}");
    Ok(())
}

#[tokio::test]
async fn an_incident_of_nonsense_is_corrupt_by_name() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let incident = crate::incidents::kept(&world, &run).await?;
    world.sql("update incidents set severity = 'sev9'").await?;
    let (table, id, why) = corrupt(world.store.incident(&world.home, incident).await)?;
    assert_eq!((table, id), ("incidents", incident.to_string()));
    assert!(why.contains("sev9"), "{why}");
    Ok(())
}

#[tokio::test]
async fn an_account_key_that_is_not_sealed_is_corrupt_and_is_not_repeated() -> Result<()> {
    let world = World::new().await?;
    let ca: CaRef = "https://ca.example.org/dir".parse()?;
    let key = AccountKey {
        workspace: world.home.to_string(),
        ca: ca.clone(),
        sealed_key: sealed("account"),
    };
    let mut ledger = world.store.ledger().await?;
    ledger.keep_accounts(&[key], now()).await?;
    ledger.commit().await?;
    world
        .sql("update acme_accounts set sealed_key = 'in the clear'")
        .await?;

    let mut ledger = world.store.ledger().await?;
    let read = ledger
        .accounts(&[world.home.to_string()], std::slice::from_ref(&ca))
        .await;

    let (table, id, why) = corrupt(read)?;
    assert_eq!((table, id), ("acme_accounts", ca.to_string()));
    assert!(!why.contains("in the clear"), "{why}");
    Ok(())
}

//! A row that cannot be read names itself; it is never skipped, and nothing panics.

use anyhow::Result;
use store::{AccountKey, RunFilter, StoreError};

use crate::samples::sealed;
use crate::world::{FIRST_LANE, World, minutes, now};

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
async fn a_corrupt_run_is_not_skipped_in_any_list() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    world.sql("update runs set criticality = 'vital'").await?;
    let lane = [(domain::plan::Lane::new(FIRST_LANE), 10)];
    let mut ledger = world.store.ledger().await?;

    let listed = world.store.runs(&world.home, &RunFilter::default(), 10).await;
    let unpublished = ledger.unpublished(minutes(1), 10).await;
    let turns = ledger.turns(&lane, minutes(1)).await;
    for found in [listed.map(drop), unpublished.map(drop), turns.map(drop)] {
        let (table, id, _) = corrupt(found)?;
        assert_eq!((table, id), ("runs", run.to_string()));
    }

    drop(ledger);
    world.sql("update runs set phase = 'out'").await?;
    let (table, id, _) = corrupt(world.store.ledger().await?.overdue(minutes(1), 10).await)?;
    assert_eq!((table, id), ("runs", run.to_string()));
    Ok(())
}

#[tokio::test]
async fn a_host_of_nonsense_is_corrupt_by_name() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("www.example.org").await?;
    world.sql("update hosts set says = '{\"colour\": \"red\"}'").await?;
    let charges = world.store.charges(&world.home, &["www.example.org".to_owned()]).await;
    for found in [
        world.store.hosts(&world.home, None, 10).await.map(drop),
        charges.map(drop),
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
    let charges = world.store.charges(&world.home, &["www.example.org".to_owned()]).await;
    for found in [
        world.store.policies(&world.home, None, 10).await.map(drop),
        charges.map(drop),
    ] {
        let (table, id, why) = corrupt(found)?;
        assert_eq!((table, id), ("policies", run.head.policy_id.to_string()));
        assert!(why.contains("magic"), "{why}");
    }
    Ok(())
}

#[tokio::test]
async fn a_product_of_nonsense_is_corrupt_by_the_name_of_its_run() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    world
        .sql("insert into run_products select id, 'issue', '{\"product\": \"gold\"}' from runs")
        .await?;
    let (table, id, why) = corrupt(world.store.ledger().await?.products(&[run]).await)?;
    assert_eq!((table, id), ("run_products", run.to_string()));
    assert!(why.contains("gold"), "{why}");
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
    let directory_url = "https://ca.example.org/dir".to_owned();
    let key = AccountKey {
        workspace: world.home.to_string(),
        directory_url: directory_url.clone(),
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
        .accounts(&[world.home.to_string()], std::slice::from_ref(&directory_url))
        .await;

    let (table, id, why) = corrupt(read)?;
    assert_eq!((table, id), ("acme_accounts", directory_url));
    assert!(!why.contains("in the clear"), "{why}");
    Ok(())
}

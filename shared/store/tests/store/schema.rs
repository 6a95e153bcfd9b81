use anyhow::Result;
use store::Store;
use tokio::task::JoinSet;

use crate::world::{World, empty_database};

#[tokio::test]
async fn replicas_that_start_at_once_bring_the_schema_up_to_date_together() -> Result<()> {
    let url = empty_database().await?;
    let mut replicas = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        replicas.spawn(async move { Store::connect(&url, 2).await?.migrate().await });
    }
    for started in replicas.join_all().await {
        started?;
    }
    Ok(())
}

#[tokio::test]
async fn a_schema_that_is_up_to_date_stays_as_it_is() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    world.store.migrate().await?;
    assert_eq!(world.store.count_hosts(&world.home).await?, 1);
    Ok(())
}

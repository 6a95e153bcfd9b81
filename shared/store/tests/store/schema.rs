use anyhow::Result;
use store::{Store, StoreError};
use testkit::sqlx::{self, Connection};
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

#[tokio::test]
async fn a_database_from_before_the_first_release_is_named_and_left_alone() -> Result<()> {
    let url = empty_database().await?;
    let store = Store::connect(&url, 1).await?;
    store.migrate().await?;
    let mut database = sqlx::PgConnection::connect(&url).await?;
    sqlx::query("update _sqlx_migrations set checksum = '\\x00'")
        .execute(&mut database)
        .await?;
    let refused = store.migrate().await.expect_err("another beginning");
    assert!(matches!(refused, StoreError::Foreign), "{refused}");
    assert!(refused.to_string().contains("empty database"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_catalogue_is_written_anew_where_nobody_has_edited_it() -> Result<()> {
    let url = empty_database().await?;
    let store = Store::connect(&url, 1).await?;
    store.migrate().await?;
    let limits = store.limits().await?;
    let [ours, other] = &limits[..2] else {
        panic!("{limits:?}")
    };
    let mut set = ours.clone();
    set.burst += 1;
    store.set_limit(&set).await?;
    // As an earlier version had it.
    let mut database = sqlx::PgConnection::connect(&url).await?;
    for statement in [
        "update catalogue set version = 0",
        "update limits set title = 'old'",
        "update providers set title = 'old'",
    ] {
        sqlx::query(statement).execute(&mut database).await?;
    }
    store.migrate().await?;
    let anew = store.limits().await?;
    let found = |id: &str| anew.iter().find(|limit| limit.id == id).expect("it is there");
    assert_eq!(
        (found(&ours.id).burst, found(&ours.id).title.as_str()),
        (set.burst, "old")
    );
    assert_eq!(found(&other.id), other);
    let providers: i64 = sqlx::query_scalar("select count(*) from providers where title = 'old'")
        .fetch_one(&mut database)
        .await?;
    assert_eq!(providers, 0);
    Ok(())
}

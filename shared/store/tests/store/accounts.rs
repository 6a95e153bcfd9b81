use anyhow::Result;
use domain::WorkspaceId;
use store::AccountKey;

use crate::samples::sealed;
use crate::world::{World, now};

const CA: &str = "https://ca.example.org/dir";

fn key(workspace: &WorkspaceId, directory: &str, text: &str) -> AccountKey {
    AccountKey {
        workspace: workspace.to_string(),
        directory_url: directory.to_owned(),
        sealed_key: sealed(text),
    }
}

async fn keep(world: &World, key: AccountKey) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_accounts(&[key], now()).await?;
    Ok(ledger.commit().await?)
}

async fn kept(world: &World, workspace: &WorkspaceId, directory: &str) -> Result<Vec<String>> {
    let (workspaces, directories) = ([workspace.to_string()], [directory.to_owned()]);
    let found = world.store.ledger().await?.accounts(&workspaces, &directories).await?;
    Ok(found.into_iter().map(|key| String::from(key.sealed_key)).collect())
}

#[tokio::test]
async fn the_first_key_of_an_account_wins() -> Result<()> {
    let world = World::new().await?;
    keep(&world, key(&world.home, CA, "first")).await?;
    keep(&world, key(&world.home, CA, "second")).await?;
    assert_eq!(kept(&world, &world.home, CA).await?, ["cmek:v1:first"]);
    Ok(())
}

#[tokio::test]
async fn ledgers_that_bring_a_key_at_the_same_time_agree_on_one() -> Result<()> {
    let world = World::new().await?;
    let bring = |text| keep(&world, key(&world.home, CA, text));

    let (one, other) = tokio::join!(bring("one"), bring("other"));

    one?;
    other?;
    let found = kept(&world, &world.home, CA).await?;
    assert!(found == ["cmek:v1:one"] || found == ["cmek:v1:other"], "{found:?}");
    Ok(())
}

#[tokio::test]
async fn an_account_belongs_to_one_workspace_at_one_ca() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    let other_ca = "https://other.example.org/dir";
    keep(&world, key(&world.home, CA, "home")).await?;
    keep(&world, key(&world.home, other_ca, "home-elsewhere")).await?;
    keep(&world, key(&neighbour, CA, "next-door")).await?;

    assert_eq!(kept(&world, &world.home, CA).await?, ["cmek:v1:home"]);
    assert_eq!(kept(&world, &world.home, other_ca).await?, ["cmek:v1:home-elsewhere"]);
    assert_eq!(kept(&world, &neighbour, CA).await?, ["cmek:v1:next-door"]);
    assert!(kept(&world, &neighbour, other_ca).await?.is_empty());
    Ok(())
}

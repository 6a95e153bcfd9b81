use anyhow::Result;
use domain::WorkspaceId;
use domain::limit::Bucket;
use domain::run::Event;
use store::{AccountKey, CaHold};

use crate::samples::sealed;
use crate::world::{World, minutes, now};

const CA: &str = "https://ca.example.org/dir";

fn key(workspace: &WorkspaceId, directory: &str, text: &str) -> AccountKey {
    AccountKey {
        workspace: workspace.to_string(),
        ca: directory.parse().expect("a CA"),
        sealed_key: sealed(text),
    }
}

async fn keep(world: &World, key: AccountKey) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_accounts(&[key], now()).await?;
    Ok(ledger.commit().await?)
}

async fn kept(world: &World, workspace: &WorkspaceId, directory: &str) -> Result<Vec<String>> {
    let (workspaces, cas) = ([workspace.to_string()], [directory.parse()?]);
    let found = world.store.ledger().await?.accounts(&workspaces, &cas).await?;
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

#[tokio::test]
async fn an_account_that_a_run_asks_about_is_replaced_once_and_its_key_is_kept() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    keep(&world, key(&world.home, CA, "refused")).await?;
    keep(&world, key(&neighbour, CA, "next-door")).await?;
    let run = world.created("www.example.org").await?.head.id;
    world.happens(run, [Event::Released], minutes(1)).await?;
    let begin_anew = async || -> Result<u64> {
        let mut ledger = world.store.ledger().await?;
        // Many runs ask about one account.
        let refused = [(run, CA.parse()?), (run, CA.parse()?)];
        let retired = ledger.retire_accounts(&refused, "ann", minutes(2)).await?;
        ledger.commit().await?;
        Ok(retired)
    };
    assert_eq!(begin_anew().await?, 1);
    assert!(
        kept(&world, &world.home, CA).await?.is_empty(),
        "the next order makes a key"
    );
    assert_eq!(kept(&world, &neighbour, CA).await?, ["cmek:v1:next-door"]);

    let mut ledger = world.store.ledger().await?;
    ledger.keep_accounts(&[key(&world.home, CA, "new")], minutes(3)).await?;
    ledger.commit().await?;
    assert_eq!(begin_anew().await?, 0, "nobody has asked about the new one");
    assert_eq!(kept(&world, &world.home, CA).await?, ["cmek:v1:new"]);
    let aside = "select sealed_key from retired_acme_accounts where retired_by = 'ann'";
    let aside: Vec<String> = testkit::sqlx::query_scalar(aside).fetch_all(&world.by_hand).await?;
    assert_eq!(aside, ["cmek:v1:refused"]);
    Ok(())
}

#[tokio::test]
async fn what_a_ca_has_said_of_an_account_stands_until_it_is_lifted() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?.head.id;
    let bucket = Bucket::hold_of_account(&CA.parse()?, &world.home);
    let hold = CaHold {
        bucket: bucket.clone(),
        until: minutes(1),
        climbs: 2,
        refused: true,
        asker: Some(run),
        asking: false,
        trial: Some((run, minutes(3))),
        what: "the account".to_owned(),
    };
    assert!(!world.store.has_ca_holds().await?);
    let mut ledger = world.store.ledger().await?;
    let before = CaHold {
        climbs: 1,
        ..hold.clone()
    };
    ledger.keep_ca_hold(&before).await?;
    ledger.keep_ca_hold(&hold).await?;
    assert_eq!(ledger.ca_holds().await?, [hold], "the run does not ask");
    ledger.commit().await?;
    assert!(world.store.has_ca_holds().await?);

    let mut ledger = world.store.ledger().await?;
    ledger.lift_ca_hold(&bucket).await?;
    ledger.commit().await?;
    assert!(!world.store.has_ca_holds().await?);
    Ok(())
}

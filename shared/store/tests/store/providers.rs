use anyhow::{Context, Result};
use domain::policy::Provider;
use domain::provider::{Catalogue, NewProvider, ProviderEntry, ProviderId, Scope};
use serde_json::json;

use crate::world::{World, now};

fn id(text: &str) -> ProviderId {
    text.parse().expect("an id")
}

fn entry<'a>(catalogue: &'a Catalogue, named: &str) -> Result<&'a ProviderEntry> {
    catalogue.get(&id(named)).context("it is in the catalogue")
}

#[tokio::test]
async fn the_seeded_catalogue_is_readable_and_knows_what_it_does_not_know() -> Result<()> {
    let world = World::new().await?;
    let catalogue = world.store.catalogue(&world.home, now()).await?;
    assert_eq!(catalogue.entries().len(), 10);
    let known = entry(&catalogue, "letsencrypt")?;
    assert_eq!(
        (known.kind, known.price.micro_usd, known.served),
        (Provider::Letsencrypt, Some(0), true)
    );
    assert_eq!(entry(&catalogue, "vault-pki")?.price.micro_usd, None);
    let sold = entry(&catalogue, "aws-acm-exportable")?;
    assert!(sold.abilities.exports_key_for_money && !sold.served);
    for one in catalogue.entries() {
        one.check(now().plus(std::time::Duration::from_secs(86_400 * 366)))?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_workspace_changes_hides_everybodys_entry_from_it_alone() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    let catalogue = world.store.catalogue(&world.home, now()).await?;
    let changed = ProviderEntry {
        rank: 77,
        ..entry(&catalogue, "letsencrypt")?.clone()
    };
    world.store.keep_provider(&world.home, &changed).await?;
    world.store.prefer_providers(&world.home, &[id("letsencrypt")]).await?;

    let ours = world.store.catalogue(&world.home, now()).await?;
    assert_eq!(
        (entry(&ours, "letsencrypt")?.rank, entry(&ours, "letsencrypt")?.scope),
        (77, Scope::Workspace)
    );
    assert_eq!(ours.preferred(), [id("letsencrypt")]);
    let theirs = world.store.catalogue(&neighbour, now()).await?;
    assert_eq!((entry(&theirs, "letsencrypt")?.rank, theirs.preferred().len()), (10, 0));

    assert!(world.store.forget_provider(&world.home, &id("letsencrypt")).await?);
    assert!(!world.store.forget_provider(&world.home, &id("letsencrypt")).await?);
    assert_eq!(
        entry(&world.store.catalogue(&world.home, now()).await?, "letsencrypt")?.rank,
        10
    );
    Ok(())
}

#[tokio::test]
async fn a_ca_of_the_workspaces_own_comes_back_as_it_was_said() -> Result<()> {
    let world = World::new().await?;
    let new: NewProvider = serde_json::from_value(json!({
        "id": "inhouse", "title": "Our own", "directory_url": "https://ca.example.org/dir", "rank": 3,
        "staging_url": "https://ca.example.org/staging", "price": {"micro_usd": 5, "per": "name"},
        "abilities": {"max_names": 7}, "max_validity_days": 30, "source": "us", "last_verified": "2025-12-24",
    }))?;
    let said = new.entry(now())?;
    world.store.keep_provider(&world.home, &said).await?;
    let catalogue = world.store.catalogue(&world.home, now()).await?;
    assert_eq!(entry(&catalogue, "inhouse")?, &said);
    Ok(())
}

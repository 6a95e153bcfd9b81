use anyhow::Result;
use domain::ids::HostId;
use domain::run::Event;
use store::StoreError;

use crate::samples::policy;
use crate::world::{With, World, now};

#[tokio::test]
async fn a_hostname_has_one_active_policy() -> Result<()> {
    let world = World::new().await?;
    let (known, new) = (world.run("a.example.org").await?, world.host("b.example.org").await?);
    let wanted = [
        (known.head.host_id, policy("a.example.org")),
        (new, policy("b.example.org")),
    ];

    let added = world.store.add_policies(&world.home, &wanted, now()).await?;

    let names: Vec<&str> = added.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b.example.org"]);
    let hostnames = world.store.policy_hostnames(&world.home).await?;
    assert_eq!(hostnames, ["a.example.org", "b.example.org"]);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_laid_down_makes_room_for_the_next() -> Result<()> {
    let world = World::new().await?;
    let old = world.run("www.example.org").await?;
    world.sql("update policies set active = false").await?;
    assert!(world.store.policy_hostnames(&world.home).await?.is_empty());
    assert!(world.store.policies(&world.home, None, 10).await?.is_empty());

    let next = [(old.head.host_id, policy("www.example.org"))];
    let added = world.store.add_policies(&world.home, &next, now()).await?;

    let charges = world
        .store
        .charges(&world.home, &["www.example.org".to_owned()])
        .await?;
    let charged: Vec<_> = charges.iter().map(|charge| charge.policy.id).collect();
    assert_eq!(charged, [added[0].1]);
    Ok(())
}

#[tokio::test]
async fn a_policy_of_no_host_is_refused_by_its_reference() -> Result<()> {
    let world = World::new().await?;
    let stray = [(HostId::new(), policy("www.example.org"))];
    match world.store.add_policies(&world.home, &stray, now()).await {
        Err(StoreError::Unknown { constraint }) => assert_eq!(constraint, "policies_host_id_fkey"),
        other => anyhow::bail!("it refers to nothing: {other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_policies_follow_each_other_by_name() -> Result<()> {
    let world = World::new().await?;
    for name in ["c.example.org", "a.example.org", "b.example.org"] {
        world.run(name).await?;
    }
    let page = async |after| -> Result<Vec<String>> {
        let found = world.store.policies(&world.home, after, 2).await?;
        Ok(found.iter().map(|view| view.policy.says.hostname.to_string()).collect())
    };
    assert_eq!(page(None).await?, ["a.example.org", "b.example.org"]);
    assert_eq!(page(Some("b.example.org")).await?, ["c.example.org"]);
    Ok(())
}

#[tokio::test]
async fn a_charge_comes_with_its_policy_and_its_host() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("www.example.org").await?;
    let asked = ["www.example.org".to_owned(), "unknown.example.org".to_owned()];

    let charges = world.store.charges(&world.home, &asked).await?;

    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0].policy.id, run.head.policy_id);
    assert_eq!(charges[0].policy.says, policy("www.example.org"));
    assert_eq!((charges[0].port, charges[0].last_live_at), (443, None));
    Ok(())
}

#[tokio::test]
async fn a_charge_counts_live_runs_that_were_not_cancelled() -> Result<()> {
    let world = World::new().await?;
    let live = world.run("live.example.org").await?;
    let rehearsed = world.run("rehearsed.example.org").await?.rehearsed();
    let cancelled = world.run("cancelled.example.org").await?;
    world
        .create(&[live.clone(), rehearsed.clone(), cancelled.clone()])
        .await?;
    let by = "ann".to_owned();
    world
        .happens(cancelled.head.id, [Event::CancelRequested { by }], now())
        .await?;

    let last = async |run: store::NewRun| -> Result<_> {
        let charges = world
            .store
            .charges(&world.home, &[run.head.hostname.to_string()])
            .await?;
        Ok(charges[0].last_live_at)
    };
    assert_eq!(last(live).await?, Some(now()));
    assert_eq!(last(rehearsed).await?, None);
    assert_eq!(last(cancelled).await?, None);
    Ok(())
}

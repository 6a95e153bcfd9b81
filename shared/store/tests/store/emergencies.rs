//! What a CA wants renewed at once, until nothing of it is left.

use anyhow::{Context, Result};
use domain::ari::Threshold;
use domain::host::{Criticality, NewHost};
use domain::ids::IncidentId;

use crate::samples::{host, policy};
use crate::world::{World, minutes, now};

/// Hosts of such criticality that all serve a certificate of one CA.
async fn estate(world: &World, criticalities: &[Criticality]) -> Result<()> {
    for (number, criticality) in criticalities.iter().enumerate() {
        let name = format!("host-{number}.example.org");
        let says = NewHost {
            criticality: *criticality,
            ..host(&name)
        };
        let id = world.store.add_host(&world.home, &says, now()).await?.id;
        world
            .store
            .add_policies(&world.home, &[(id, policy(&name))], now())
            .await?;
    }
    world
        .sql(
            "insert into renewal_info (host_id, workspace, fingerprint, names, not_before, not_after, directory_url)
             select id, workspace, id::text, '{}', '2025-12-01', '2026-03-01', 'https://ca.example.org/dir' from hosts",
        )
        .await
}

const CALLED: &str =
    "update renewal_info set called_at = '2026-01-01T00:00:00Z', explanation_url = 'https://ca.example.org/why'";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn many_calls_of_one_ca_are_one_emergency_whose_hosts_are_in_the_order_of_criticality() -> Result<()> {
    let world = World::new().await?;
    let of_each = [
        Criticality::Low,
        Criticality::Critical,
        Criticality::Medium,
        Criticality::High,
    ];
    estate(&world, &of_each).await?;
    assert_eq!(world.store.calls_since(minutes(0)).await?, []);
    world.sql(CALLED).await?;
    let calls = world.store.calls_since(domain::Timestamp::EPOCH).await?;
    let calls = calls.first().context("the CA's calls")?;
    assert_eq!((calls.called, calls.of_all), (4, 4));
    assert!(!calls.are_many(Threshold::default()), "ten at least");

    let id = IncidentId::new();
    assert!(world.store.open_emergency(id, calls, now()).await?);
    assert!(
        !world.store.open_emergency(IncidentId::new(), calls, now()).await?,
        "one at a time"
    );
    assert_eq!(
        world.store.calls_since(domain::Timestamp::EPOCH).await?,
        [],
        "they are known"
    );
    let to_tell = world.store.emergencies_to_tell().await?;
    assert_eq!((to_tell.len(), to_tell[0].hostname.as_str()), (1, "host-1.example.org"));
    assert_eq!(
        to_tell[0].explanation_url.as_deref(),
        Some("https://ca.example.org/why")
    );

    let left = world.store.called_hosts(&world.home, id, now(), 10).await?;
    let order: Vec<Criticality> = left.iter().map(|one| one.criticality).collect();
    let falling = [
        Criticality::Critical,
        Criticality::High,
        Criticality::Medium,
        Criticality::Low,
    ];
    assert_eq!(order, falling);
    assert!(left.iter().all(|one| one.by_itself && one.run.is_none()));

    assert_eq!(world.store.end_emergencies(now()).await?, 0);
    let shown = world.store.emergencies(&world.home, Some(id), now()).await?;
    assert_eq!((shown[0].left, shown[0].ended_at), (4, None));
    world.sql("update renewal_info set called_at = null").await?;
    assert_eq!(world.store.end_emergencies(minutes(1)).await?, 1);
    let shown = world.store.emergencies(&world.home, None, now()).await?;
    assert_eq!((shown[0].left, shown[0].ended_at), (0, Some(minutes(1))));
    Ok(())
}

#[tokio::test]
async fn an_emergency_is_another_workspaces_secret() -> Result<()> {
    let world = World::new().await?;
    estate(&world, &[Criticality::High]).await?;
    world.sql(CALLED).await?;
    let calls = world.store.calls_since(domain::Timestamp::EPOCH).await?;
    let id = IncidentId::new();
    world.store.open_emergency(id, &calls[0], now()).await?;
    let neighbour = world.neighbour().await?;
    assert!(world.store.emergencies(&neighbour, None, now()).await?.is_empty());
    assert!(world.store.called_hosts(&neighbour, id, now(), 10).await?.is_empty());
    Ok(())
}

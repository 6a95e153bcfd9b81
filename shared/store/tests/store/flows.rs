//! Turns that are fair between flows, and what people say of windows and groups.

use anyhow::Result;
use domain::window::Window;
use store::{STRIDE, TagWindows};

use crate::world::{World, now};

#[tokio::test]
async fn a_flow_that_comes_later_starts_where_the_service_stands() -> Result<()> {
    let world = World::new().await?;
    let bulk = world.store.take_positions("bulk", 1_000, now()).await?;
    let mut waiting = Vec::new();
    for place in 10..13 {
        let mut run = world.run(&format!("host-{place}.example.org")).await?;
        run.queue_position = bulk + place * STRIDE;
        waiting.push(run);
    }
    world.create(&waiting).await?;

    let other = world.store.take_positions("another", 2, now()).await?;
    assert_eq!(
        other,
        bulk + 10 * STRIDE,
        "beside the first that waits, not behind the last"
    );
    assert_eq!(
        world.store.take_positions("another", 1, now()).await?,
        other + 2 * STRIDE
    );
    assert_eq!(
        world.store.take_positions("bulk", 1, now()).await?,
        bulk + 1_000 * STRIDE
    );
    Ok(())
}

#[tokio::test]
async fn when_nothing_waits_nobody_is_behind_for_what_it_has_had() -> Result<()> {
    let world = World::new().await?;
    let had = world.store.take_positions("busy", 1_000, now()).await?;
    assert_eq!(had, now().unix_micros());
    let fresh = world.store.take_positions("fresh", 1, now()).await?;
    assert_eq!(fresh, had + 1_000 * STRIDE);
    assert_eq!(world.store.take_positions("busy", 1, now()).await?, fresh + STRIDE);
    Ok(())
}

#[tokio::test]
async fn a_host_has_the_windows_of_its_tags() -> Result<()> {
    let world = World::new().await?;
    let run = world.run("www.example.org").await?;
    let night = Window::new("0 22 * * *", 480, "Europe/Berlin")?;
    let mut said = TagWindows {
        tag: "edge".to_owned(),
        windows: vec![night.clone()],
    };
    let names = [run.head.hostname.to_string()];
    world.store.set_tag_windows(&world.home, &said).await?;
    assert!(
        world.store.policy_facts(&world.home, &names).await?[0]
            .windows()
            .is_empty()
    );

    world
        .sql("update hosts set says = jsonb_set(says, '{tags}', '[\"edge\", \"eu\"]')")
        .await?;
    assert_eq!(
        world.store.policy_facts(&world.home, &names).await?[0].windows(),
        [night]
    );
    assert_eq!(world.store.tag_windows(&world.home).await?, [said.clone()]);

    said.windows.clear();
    world.store.set_tag_windows(&world.home, &said).await?;
    assert!(world.store.tag_windows(&world.home).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn groups_are_of_their_workspace() -> Result<()> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    for (workspace, at_once) in [(&world.home, 2), (&neighbour, 5), (&world.home, 3)] {
        world
            .store
            .set_target_group(workspace, "edge-lb", Some(at_once))
            .await?;
    }
    let of_home = world.store.target_groups(Some(&world.home)).await?;
    assert_eq!(of_home.iter().map(|group| group.at_once).collect::<Vec<_>>(), [3]);
    assert_eq!(world.store.target_groups(None).await?.len(), 2);
    world.store.set_target_group(&world.home, "edge-lb", None).await?;
    assert_eq!(world.store.target_groups(None).await?.len(), 1);
    Ok(())
}

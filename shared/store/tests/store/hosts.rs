use anyhow::Result;
use domain::run::Event;

use crate::samples::host;
use crate::world::{World, duplicate, now};

async fn names(world: &World, after: Option<&str>, limit: i64) -> Result<Vec<String>> {
    let page = world.store.hosts(&world.home, after, limit).await?;
    Ok(page.iter().map(|view| view.host.spec.hostname.to_string()).collect())
}

#[tokio::test]
async fn a_hostname_exists_once_in_a_workspace() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    let refused = world.store.add_host(&world.home, &host("www.example.org"), now()).await;
    assert_eq!(duplicate(refused), "hosts_workspace_hostname_key");
    world.host_of(&world.neighbour().await?, "www.example.org").await?;
    Ok(())
}

#[tokio::test]
async fn an_import_adds_what_is_new_and_leaves_what_is_there() -> Result<()> {
    let world = World::new().await?;
    let known = world.host("b.example.org").await?;
    let mut changed = host("b.example.org");
    changed.port = 8443;
    let import = [host("a.example.org"), changed, host("c.example.org")];

    let mut added = world.store.add_hosts(&world.home, &import, now()).await?;

    added.sort();
    assert_eq!(added, ["a.example.org", "c.example.org"]);
    let views = world.store.hosts(&world.home, None, 10).await?;
    assert_eq!((views[1].host.id, views[1].host.spec.port), (known, 443));
    Ok(())
}

#[tokio::test]
async fn an_import_that_names_a_host_twice_adds_it_once() -> Result<()> {
    let world = World::new().await?;
    let twice = [host("a.example.org"), host("a.example.org")];
    assert_eq!(
        world.store.add_hosts(&world.home, &twice, now()).await?,
        ["a.example.org"]
    );
    assert_eq!(world.store.count_hosts(&world.home).await?, 1);
    Ok(())
}

#[tokio::test]
async fn pages_of_hosts_follow_each_other_by_name() -> Result<()> {
    let world = World::new().await?;
    for name in ["c.example.org", "a.example.org", "b.example.org"] {
        world.host(name).await?;
    }
    assert_eq!(names(&world, None, 2).await?, ["a.example.org", "b.example.org"]);
    assert_eq!(names(&world, Some("b.example.org"), 2).await?, ["c.example.org"]);
    assert!(names(&world, Some("c.example.org"), 2).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_host_shows_the_status_of_its_newest_run() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    world.host("idle.example.org").await?;
    world.happens(run.head.id, [Event::Released], now()).await?;
    let hosts = world.store.hosts(&world.home, None, 10).await?;
    let shown: Vec<Option<&str>> = hosts.iter().map(|view| view.run_status.as_deref()).collect();
    assert_eq!(shown, [None, Some("running")]);
    Ok(())
}

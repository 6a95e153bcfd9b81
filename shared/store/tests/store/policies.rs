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

    let names: Vec<&str> = added.policies.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, added.taken.len()), (vec!["b.example.org"], 0));
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

    let policy_facts = world
        .store
        .policy_facts(&world.home, &["www.example.org".to_owned()])
        .await?;
    let charged: Vec<_> = policy_facts.iter().map(|facts| facts.policy.id).collect();
    assert_eq!(charged, [added.policies[0].1]);
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
        Ok(found.iter().map(|view| view.policy.spec.hostname.to_string()).collect())
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

    let policy_facts = world.store.policy_facts(&world.home, &asked).await?;

    assert_eq!(policy_facts.len(), 1);
    assert_eq!(policy_facts[0].policy.id, run.head.policy_id);
    assert_eq!(policy_facts[0].policy.spec, policy("www.example.org"));
    assert_eq!((policy_facts[0].port, policy_facts[0].last_live_at), (443, None));
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
        let policy_facts = world
            .store
            .policy_facts(&world.home, &[run.head.hostname.to_string()])
            .await?;
        Ok(policy_facts[0].last_live_at)
    };
    assert_eq!(last(live).await?, Some(now()));
    assert_eq!(last(rehearsed).await?, None);
    assert_eq!(last(cancelled).await?, None);
    Ok(())
}

/// A policy for `hostname` that replaces these files.
#[tokio::test]
async fn a_policy_that_an_earlier_version_has_stored_is_read_and_changed() -> Result<()> {
    let (world, www) = (World::new().await?, "www.example.org".parse()?);
    world.run("www.example.org").await?;
    world
        .sql(
            "update policies set says = (says - 'key_source' - 'staging') || \
             '{\"key_backend\": \"local\", \"key_backend_config\": {\"endpoint\": \"staging\"}}'",
        )
        .await?;
    let stored = world.store.policy_of(&world.home, &www).await?.expect("it is there");
    assert!(stored.spec.staging);
    assert_eq!(stored.spec.key_source, domain::key_source::KeySource::default());

    let mut says = stored.spec.clone();
    says.staging = false;
    let changed = world.store.change_policy(&stored, &says, now()).await?;
    assert_eq!(changed, store::Changed::Done);
    let again = world.store.change_policy(&stored, &says, now()).await?;
    assert_eq!(again, store::Changed::Overtaken, "it says something else by now");
    Ok(())
}

fn replacing(hostname: &str, chain: &str, key: &str) -> domain::policy::NewPolicy {
    let mut policy = policy(hostname);
    let target = serde_json::json!([{"kind": "file", "chain_path": chain, "key_path": key}]);
    policy.targets = serde_json::from_value(target).expect("targets");
    policy
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn no_two_active_policies_replace_one_file_in_whatever_workspaces() -> Result<()> {
    let world = World::new().await?;
    let first = world.run("a.example.org").await?.head.host_id;
    let [b, c, d] = ["b.example.org", "c.example.org", "d.example.org"];
    let (host_b, host_c, host_d) = (world.host(b).await?, world.host(c).await?, world.host(d).await?);
    let taken = |added: &store::Added| -> Vec<(String, String, String)> {
        let told = |(name, other): &(domain::Hostname, store::Taken)| {
            (name.to_string(), other.path.clone(), other.hostname.to_string())
        };
        added.taken.iter().map(told).collect()
    };
    let told = |name: &str, path: &str, other: &str| (name.to_owned(), path.to_owned(), other.to_owned());

    // One as it is, in another spelling; one of the same import; and one that is free.
    let wanted = [
        (
            host_b,
            replacing(b, "/etc//tls/x/../default/a.example.org.crt", "/t/b.key"),
        ),
        (host_c, replacing(c, "/t/c.crt", "/t/c.key")),
        (host_d, replacing(d, "/t/d.crt", "/t/./c.crt")),
        (first, policy("a.example.org")),
    ];
    let added = world.store.add_policies(&world.home, &wanted, now()).await?;
    assert_eq!(
        added.policies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        [c]
    );
    let expected = [
        told(b, "/etc/tls/default/a.example.org.crt", "a.example.org"),
        told(d, "/t/c.crt", c),
    ];
    assert_eq!(taken(&added), expected);

    let neighbour = world.neighbour().await?;
    let theirs = world.host_of(&neighbour, "shop.example.org").await?;
    let same = [(theirs, replacing("shop.example.org", "/t/c.crt", "/t/shop.key"))];
    let added = world.store.add_policies(&neighbour, &same, now()).await?;
    assert_eq!(
        (added.policies.len(), taken(&added)),
        (0, vec![told("shop.example.org", "/t/c.crt", c)])
    );

    // A change is looked at in the same way, and gives back what it leaves.
    let of_c = world
        .store
        .policy_of(&world.home, &c.parse()?)
        .await?
        .expect("it is there");
    let onto_a = replacing(c, "/t/c.crt", "/etc/tls/default/a.example.org.key");
    match world.store.change_policy(&of_c, &onto_a, now()).await? {
        store::Changed::Taken(other) => assert_eq!(other.hostname.as_str(), "a.example.org"),
        other => anyhow::bail!("{other:?}"),
    }
    let away = replacing(c, "/t/c2.crt", "/t/c.key");
    assert_eq!(
        world.store.change_policy(&of_c, &away, now()).await?,
        store::Changed::Done
    );
    let free = [(host_d, replacing(d, "/t/d.crt", "/t/c.crt"))];
    assert_eq!(
        world
            .store
            .add_policies(&world.home, &free, now())
            .await?
            .policies
            .len(),
        1
    );

    // Two that have shared a file since before this was refused can be changed in everything else.
    world.sql("update policy_files set policy_id = (select id from policies where hostname = 'a.example.org') where path = '/t/c.key'").await?;
    let of_c = world
        .store
        .policy_of(&world.home, &c.parse()?)
        .await?
        .expect("it is there");
    let mut by_hand = of_c.spec.clone();
    by_hand.auto_renew = false;
    assert_eq!(
        world.store.change_policy(&of_c, &by_hand, now()).await?,
        store::Changed::Done
    );
    world.sql("delete from policy_files where path = '/t/c.key'").await?;

    // What is forgotten leaves its files, also when a version before this one has forgotten it.
    assert!(world.store.forget_policy(&world.home, &c.parse()?).await?);
    let next = [(host_b, replacing(b, "/t/c2.crt", "/t/c.key"))];
    assert_eq!(
        world
            .store
            .add_policies(&world.home, &next, now())
            .await?
            .policies
            .len(),
        1
    );
    world.sql("update policies set active = false").await?;
    let all = [(host_c, replacing(c, "/t/c2.crt", "/t/d.crt"))];
    assert_eq!(
        world.store.add_policies(&world.home, &all, now()).await?.policies.len(),
        1
    );
    Ok(())
}

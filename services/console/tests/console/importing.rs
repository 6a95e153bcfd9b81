//! Many at once, and reading them back page by page.

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{World, policy};

fn name(number: usize) -> String {
    format!("host-{number:04}.example.org")
}

#[tokio::test]
async fn of_a_thousand_hosts_three_bad_ones_refuse_only_themselves() -> Result<()> {
    let world = World::new().await?;
    world.host(&name(500)).await?;
    let mut items: Vec<Value> = (0..1_000).map(|number| json!({ "hostname": name(number) })).collect();
    items[3] = json!({ "hostname": "bad host.example" });
    items[700] = json!({ "hostname": name(7) });
    let answer = world.post("/hosts/import", &items.into()).await?.good(200)?;
    assert_eq!(answer["created"], 997);
    let refused = answer["refused"].as_array().context("a list")?;
    let told: Vec<_> = refused
        .iter()
        .map(|one| (one["index"].as_u64(), one["hostname"].as_str()))
        .collect();
    let (seventh, taken) = (name(7), name(500));
    assert_eq!(
        told,
        [
            (Some(3), Some("bad host.example")),
            (Some(500), Some(taken.as_str())),
            (Some(700), Some(seventh.as_str()))
        ]
    );
    assert!(
        refused.iter().all(|one| one["problem"]["field"] == "hostname"),
        "{refused:?}"
    );
    assert!(
        refused[2]["problem"]["problem"].to_string().contains("item 7"),
        "{refused:?}"
    );
    assert_eq!(
        world
            .store
            .count_hosts(&domain::WorkspaceId::default_workspace())
            .await?,
        998
    );
    Ok(())
}

#[tokio::test]
async fn an_item_that_is_no_host_refuses_itself() -> Result<()> {
    let world = World::new().await?;
    let items = json!([7, {}, { "hostname": "a.example.org", "port": "x" }, { "hostname": "b.example.org", "port": 0 },
                       { "hostname": "c.example.org", "tags": ["\u{0}"] }, { "hostname": "good.example.org" }]);
    let answer = world.post("/hosts/import", &items).await?.good(200)?;
    assert_eq!(answer["created"], 1);
    let fields: Vec<_> = answer["refused"]
        .as_array()
        .context("a list")?
        .iter()
        .map(|one| &one["problem"]["field"])
        .collect();
    assert_eq!(fields, ["body", "hostname", "port", "port", "body"]);
    Ok(())
}

#[tokio::test]
async fn policies_are_imported_for_hosts_that_exist() -> Result<()> {
    let world = World::new().await?;
    for hostname in ["a.example.org", "b.example.org"] {
        world.host(hostname).await?;
    }
    world.policy("b.example.org").await?;
    let mut weak = policy("a.example.org");
    weak["key_algorithm"] = json!("rsa1024");
    let items = json!([
        weak,
        policy("a.example.org"),
        policy("b.example.org"),
        policy("none.example.org")
    ]);
    let answer = world.post("/policies/import", &items).await?.good(200)?;
    assert_eq!(answer["created"], 1);
    let refused: Vec<_> = answer["refused"]
        .as_array()
        .context("a list")?
        .iter()
        .map(|one| (one["index"].as_u64(), one["problem"]["field"].as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (Some(0), Some("key_algorithm")),
            (Some(2), Some("hostname")),
            (Some(3), Some("hostname"))
        ]
    );
    Ok(())
}

#[tokio::test]
async fn an_item_that_is_too_long_is_refused_by_its_place_before_it_is_read() -> Result<()> {
    let world = World::new().await?;
    // What serde makes of it takes some thirty times its length.
    let inner = vec!["{}"; 1_000_000].join(",");
    let list = format!(r#"[{{"hostname":"a.example.org"}},{{"hostname":"b.example.org","tags":[{inner}]}},[{inner}]]"#);
    let answer = world
        .send(Method::POST, "/hosts/import", Body::from(list))
        .await?
        .good(200)?;
    assert_eq!(answer["created"], 1);
    for (place, index) in [1, 2].into_iter().enumerate() {
        let refused = &answer["refused"][place];
        assert_eq!(refused["index"], index);
        assert_eq!(refused["problem"]["field"], "body", "{refused}");
        assert!(
            refused["problem"]["problem"].to_string().contains("bytes long"),
            "{refused}"
        );
        assert!(
            refused["problem"]["remedy"]
                .to_string()
                .contains("at most 262144 bytes"),
            "{refused}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_list_is_read_page_by_page_without_gap_or_repetition() -> Result<()> {
    let world = World::new().await?;
    let items: Vec<Value> = (0..25).map(|number| json!({ "hostname": name(number) })).collect();
    world.post("/hosts/import", &items.into()).await?.good(200)?;
    let (mut read, mut path) = (Vec::new(), "/hosts?limit=10".to_owned());
    loop {
        let page = world.get(&path).await?.good(200)?;
        let names = page["items"].as_array().context("a list")?;
        assert!(names.len() <= 10);
        read.extend(
            names
                .iter()
                .filter_map(|host| host["hostname"].as_str().map(str::to_owned)),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/hosts?limit=10&after={next}"),
            None => break,
        }
    }
    assert_eq!(read, (0..25).map(name).collect::<Vec<_>>());
    Ok(())
}

//! Who issues: everybody's catalogue, and what a workspace makes of it.

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{Answered, World, policy};

async fn patch(world: &World, id: &str, body: Value) -> Result<Answered> {
    world
        .send(Method::PATCH, &format!("/providers/{id}"), Body::from(body.to_string()))
        .await
}

async fn prefer(world: &World, ids: Value) -> Result<Answered> {
    let body = json!({ "preferred_provider": ids }).to_string();
    world.send(Method::PUT, "/providers/preferred", Body::from(body)).await
}

fn own_ca(id: &str, url: &str) -> Value {
    json!({"id": id, "title": "Our own CA", "directory_url": url, "price": {"micro_usd": 250_000}})
}

#[tokio::test]
async fn a_workspace_sees_everybodys_providers_with_what_is_known_and_what_is_not() -> Result<()> {
    let world = World::new().await?;
    let shelf = world.get("/providers").await?.good(200)?;
    let items = shelf["items"].as_array().context("a list")?;
    let of = |id: &str| {
        items
            .iter()
            .find(|entry| entry["id"] == id)
            .cloned()
            .unwrap_or_default()
    };
    let known = of("letsencrypt");
    assert_eq!(
        (&known["price"]["micro_usd"], &known["served"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(known["stale"], Value::Null);
    let unknown = of("google-trust");
    assert_eq!(
        (&unknown["price"]["micro_usd"], &unknown["served"]),
        (&Value::Null, &json!(false))
    );
    assert!(
        unknown["stale"]
            .as_str()
            .is_some_and(|why| why.contains("never verified"))
    );
    assert_eq!(shelf["preferred_provider"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_ca_is_added_changed_preferred_and_forgotten() -> Result<()> {
    let world = World::new().await?;
    let added = world
        .post("/providers", &own_ca("inhouse", "https://ca.example.org/dir"))
        .await?
        .good(201)?;
    assert_eq!(
        (&added["scope"], &added["last_verified"]),
        (&json!("workspace"), &json!("2026-01-01"))
    );

    let changed = patch(&world, "inhouse", json!({"price": {"micro_usd": 5}, "enabled": false}))
        .await?
        .good(200)?;
    assert_eq!(
        (&changed["price"]["micro_usd"], &changed["enabled"]),
        (&json!(5), &json!(false))
    );

    let shelf = prefer(&world, json!(["inhouse", "letsencrypt"])).await?.good(200)?;
    assert_eq!(shelf["preferred_provider"], json!(["inhouse", "letsencrypt"]));

    world
        .send(Method::DELETE, "/providers/inhouse", Body::empty())
        .await?
        .good(200)?;
    world.get("/providers/inhouse").await?.refused(404, "API-0004")?;
    Ok(())
}

#[tokio::test]
async fn a_change_of_everybodys_entry_is_the_workspaces_own() -> Result<()> {
    let world = World::new().await?;
    let changed = patch(
        &world,
        "letsencrypt",
        json!({"rank": 99, "last_verified": "2025-12-31"}),
    )
    .await?
    .good(200)?;
    assert_eq!((&changed["scope"], &changed["rank"]), (&json!("workspace"), &json!(99)));
    let shelf = world
        .send(Method::DELETE, "/providers/letsencrypt", Body::empty())
        .await?
        .good(200)?;
    let items = shelf["items"].as_array().context("a list")?;
    let entry = items
        .iter()
        .find(|entry| entry["id"] == "letsencrypt")
        .context("still there")?;
    assert_eq!((&entry["scope"], &entry["rank"]), (&json!("global"), &json!(10)));
    world
        .send(Method::DELETE, "/providers/letsencrypt", Body::empty())
        .await?
        .refused(404, "API-0004")?;
    Ok(())
}

#[tokio::test]
async fn every_refusal_names_its_field() -> Result<()> {
    let world = World::new().await?;
    let field = |refused: Value| refused["field"].as_str().unwrap_or_default().to_owned();
    for (body, named) in [
        (own_ca("UPPER", "https://ca.example.org/dir"), "id"),
        (own_ca("plain", "http://ca.example.org/dir"), "directory_url"),
        (
            json!({"id": "a", "title": "a", "directory_url": "https://a.example.org/", "price": {"micro_usd": -1}}),
            "price.micro_usd",
        ),
        (
            json!({"id": "a", "title": "a", "directory_url": "https://a.example.org/", "abilities": {"max_names": 0}}),
            "abilities.max_names",
        ),
    ] {
        assert_eq!(
            field(world.post("/providers", &body).await?.refused(422, "API-0002")?),
            named
        );
    }
    let twice = own_ca("mine", "https://acme-v02.api.letsencrypt.org/directory");
    assert_eq!(
        field(world.post("/providers", &twice).await?.refused(409, "API-0003")?),
        "directory_url"
    );
    let taken = own_ca("letsencrypt", "https://ca.example.org/dir");
    assert_eq!(
        field(world.post("/providers", &taken).await?.refused(409, "API-0003")?),
        "id"
    );
    for (ids, named) in [
        (json!(["nobody"]), "preferred_provider[0]"),
        (json!(["letsencrypt", "zerossl"]), "preferred_provider[1]"),
        (json!(["letsencrypt", "letsencrypt"]), "preferred_provider[1]"),
    ] {
        assert_eq!(field(prefer(&world, ids).await?.refused(422, "API-0002")?), named);
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_names_only_fallbacks_that_there_are() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    let mut body = policy("www.example.org");
    body["fallbacks"] = json!(["letsencrypt", "zerossl"]);
    let refused = world.post("/policies", &body).await?.refused(422, "API-0002")?;
    assert_eq!(refused["field"], "fallbacks[1]");
    body["fallbacks"] = json!(["letsencrypt", "https://other.example.org/dir"]);
    world.post("/policies", &body).await?.good(201)?;
    Ok(())
}

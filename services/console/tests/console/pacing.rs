//! Limits, target groups and windows of tags: listed, set, refused by field.

use anyhow::Result;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{Answered, World};

async fn put(world: &World, path: &str, body: &Value) -> Result<Answered> {
    world.send(Method::PUT, path, Body::from(body.to_string())).await
}

async fn delete(world: &World, path: &str) -> Result<u16> {
    Ok(world.send(Method::DELETE, path, Body::empty()).await?.status.as_u16())
}

async fn items(world: &World, path: &str) -> Result<usize> {
    let all = world.get(path).await?.good(200)?;
    Ok(all["items"].as_array().map_or(0, Vec::len))
}

#[tokio::test]
async fn a_limit_is_set_with_its_source_and_refused_by_its_field() -> Result<()> {
    let world = World::new().await?;
    let known = items(&world, "/limits").await?;
    let mut limit = json!({"directory_url": "https://ca.example.org/dir", "scope": "account", "title": "orders", "burst": 5,
                           "period_seconds": 60, "source": "their page", "last_verified": "2025-11-24"});
    let set = put(&world, "/limits/ca.orders", &limit).await?.good(200)?;
    assert_eq!((&set["id"], &set["enabled"]), (&json!("ca.orders"), &json!(true)));
    assert_eq!(items(&world, "/limits").await?, known + 1);
    limit["burst"] = json!(0);
    let refused = put(&world, "/limits/ca.orders", &limit).await?;
    assert_eq!(refused.body["errors"][0]["field"], "burst");
    Ok(())
}

#[tokio::test]
async fn a_target_group_has_a_bound_until_it_is_taken_away() -> Result<()> {
    let world = World::new().await?;
    put(&world, "/target-groups/edge-lb", &json!({"at_once": 2}))
        .await?
        .good(200)?;
    assert_eq!(items(&world, "/target-groups").await?, 1);
    let none = put(&world, "/target-groups/edge-lb", &json!({"at_once": 0})).await?;
    assert_eq!(none.body["errors"][0]["field"], "at_once");
    let no_name = put(&world, "/target-groups/Edge_LB", &json!({"at_once": 1})).await?;
    assert_eq!(no_name.body["errors"][0]["field"], "name");
    assert_eq!(delete(&world, "/target-groups/edge-lb").await?, 204);
    assert_eq!(items(&world, "/target-groups").await?, 0);
    Ok(())
}

#[tokio::test]
async fn windows_of_a_tag_are_kept_as_they_are_said() -> Result<()> {
    let world = World::new().await?;
    let night = json!({"windows": [{"cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Berlin"}]});
    let set = put(&world, "/tag-windows/edge", &night).await?.good(200)?;
    assert_eq!(set["windows"], night["windows"]);
    let strange = json!({"windows": [{"cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Entenhausen"}]});
    let refused = put(&world, "/tag-windows/edge", &strange).await?;
    assert!(refused.body.to_string().contains("Entenhausen"), "{refused:?}");
    let never = json!({"windows": [{"cron": "0 3 30 2 *", "minutes": 10}]});
    let refused = put(&world, "/tag-windows/edge", &never).await?;
    assert_eq!(refused.body["errors"][0]["field"], "windows[0].cron");
    assert_eq!(delete(&world, "/tag-windows/edge").await?, 204);
    assert_eq!(items(&world, "/tag-windows").await?, 0);
    Ok(())
}

//! The budget of the month: shown without one, set, taken away, refused by its field.

use anyhow::Result;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{Answered, World};

async fn put(world: &World, body: &Value) -> Result<Answered> {
    world.send(Method::PUT, "/budget", Body::from(body.to_string())).await
}

#[tokio::test]
async fn a_budget_is_set_shown_and_taken_away() -> Result<()> {
    let world = World::new().await?;
    let none = world.get("/budget").await?.good(200)?;
    assert_eq!(
        (&none["budget_micro_usd_per_month"], &none["left_micro_usd"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(none["spent"], json!({"micro_usd": 0, "price_unknown": 0}));
    let set = put(&world, &json!({"budget_micro_usd_per_month": 250_000_000}))
        .await?
        .good(200)?;
    assert_eq!(
        (&set["left_micro_usd"], &set["policies_waiting"]),
        (&json!(250_000_000), &json!(0))
    );
    let gone = put(&world, &json!({"budget_micro_usd_per_month": null}))
        .await?
        .good(200)?;
    assert_eq!(gone["budget_micro_usd_per_month"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_slip_of_the_hand_is_refused() -> Result<()> {
    let world = World::new().await?;
    let refused = put(&world, &json!({"budget_micro_usd_per_month": 2_000_000_000_000_u64})).await?;
    assert_eq!(refused.body["errors"][0]["field"], "budget_micro_usd_per_month");
    let nothing_said = put(&world, &json!({})).await?;
    assert!(nothing_said.status.is_client_error(), "taking it away must be said");
    Ok(())
}

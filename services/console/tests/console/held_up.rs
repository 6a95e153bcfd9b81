//! What a run waits for when the fleet holds it up.

use std::time::Duration;

use anyhow::Result;
use domain::run::{Position, Step};
use futures::StreamExt;
use serde_json::{Value, json};
use testkit::nats::settled;
use testkit::{Nats, wait};
use tokio::task::JoinSet;

use crate::watching::{queued, stands};
use crate::world::{World, now};

/// Plays the planner that is asked how NATS and its streams do; until what comes back is dropped.
async fn planner_finding(nats: &Nats, conditions: &Value) -> Result<JoinSet<()>> {
    let planner = nats.connect().await?;
    let mut asked = planner.subscribe(bus::storing::CONDITIONS).await?;
    settled(&planner).await?;
    let conditions = conditions.to_string();
    let mut answers = JoinSet::new();
    answers.spawn(async move {
        while let Some(question) = asked.next().await {
            let to = question.reply.expect("who asks waits");
            planner
                .publish(to, conditions.clone().into())
                .await
                .expect("NATS is there");
        }
    });
    Ok(answers)
}

#[tokio::test]
async fn a_run_whose_orders_nats_does_not_store_says_what_it_waits_for() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let run = queued(&world, "www.example.org").await?;
    let deadline = now().plus(Duration::from_secs(60));
    let step = Step::Issue;
    stands(&world, &run, Position::Out { step, deadline }).await?;
    let _planner = planner_finding(&nats, &json!({"nats": "its store met a write error"})).await?;
    // By the clock of the machine the run has stood there for long. A busy planner is not waited for by who lists runs.
    let world = world.today();
    let waits = wait::until("the run says what it waits for", Duration::from_secs(60), async || {
        let runs = world.get("/runs").await.ok()?.body;
        runs["items"][0]["waits_for"].as_str().map(str::to_owned)
    });
    let waits = waits.await?;
    assert_eq!(waits, "waits for NATS: its store met a write error");
    Ok(())
}

#[tokio::test]
async fn health_says_when_the_events_of_runs_reach_back_too_little() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let short = "the events of runs reach back 12 days and not 30";
    let _planner = planner_finding(&nats, &json!({ "runs": short })).await?;
    let health = world.get("/health").await?.good(200)?;
    assert_eq!(
        (&health["nats"], &health["status"]),
        (&json!("ok"), &json!("ok")),
        "it renews all the same"
    );
    let problems = health["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(problems.contains(&json!(short)), "{health}");
    Ok(())
}

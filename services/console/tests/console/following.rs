//! The log of a run that is followed: what is told while a step runs, then what the record has besides, then the end.

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::Request;
use domain::run::{Check, Ending, Position, Step};
use http_body_util::BodyExt;
use protocol::log::LogBatch;
use protocol::report::{Level, LogLine};
use serde_json::{Value, json};
use store::{NewRun, StepRecord};

use crate::watching::{queued, stands};
use crate::world::{TOKEN, World, answered, now};

fn line(message: &str) -> LogLine {
    LogLine {
        at: now(),
        level: Level::Info,
        message: message.to_owned(),
        fields: Default::default(),
    }
}

fn told(run: &NewRun) -> LogBatch {
    LogBatch {
        schema: protocol::SCHEMA,
        run_id: run.head.id,
        workspace: run.head.workspace.clone(),
        step: Step::Issue,
        attempt: 2,
        worker: "issuer/1".to_owned(),
        started_at: now(),
        lines_before: 0,
        lines: vec![line("asked the CA")],
        checks_before: 0,
        checks: Vec::new(),
    }
}

async fn tell(batch: &LogBatch) -> Result<()> {
    let client = testkit::shared::nats().await.connect().await?;
    let subject = protocol::subjects::log(
        &batch.workspace,
        batch.run_id,
        protocol::subjects::Worker::of(batch.step.kind()),
    );
    client.publish(subject, serde_json::to_vec(batch)?.into()).await?;
    Ok(client.flush().await?)
}

pub async fn record(world: &World, run: &NewRun) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    let step = StepRecord {
        run_id: run.head.id,
        attempt: 2,
        step: "issue".to_owned(),
        outcome: "done",
        summary: "issued".to_owned(),
        worker: "issuer/1".to_owned(),
        started_at: now(),
        ended_at: now(),
        checks: json!([Check::tick("order opened", "https://ca.example.org/order/1")]),
        log: json!([line("asked the CA"), line("the CA has answered")]),
        exchange: json!([]),
    };
    ledger.keep_steps(&[step]).await?;
    Ok(ledger.commit().await?)
}

fn follow(run: &NewRun, behind: Option<&str>) -> Result<Request<Body>> {
    let request = Request::builder().uri(format!("/api/v1/runs/{}/log?follow=true", run.head.id));
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let request = match behind {
        Some(id) => request.header("last-event-id", id),
        None => request,
    };
    Ok(request.body(Body::empty())?)
}

/// The messages of the lines in a stream of events, and `end`.
fn messages(events: &str) -> Vec<String> {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let values = data.filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let said = values.filter_map(|value| value["message"].as_str().map(str::to_owned));
    said.chain(events.contains("event: end").then(|| "end".to_owned()))
        .collect()
}

#[tokio::test]
async fn what_is_told_comes_first_and_the_record_adds_what_is_missing() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    let out = Position::Out {
        step: Step::Issue,
        deadline: now(),
    };
    stands(&world, &run, out).await?;
    tell(&told(&run)).await?;
    let mut events = world.raw(follow(&run, None)?).await?.into_body();
    let mut seen = String::new();
    while !seen.contains("asked the CA") {
        let frame = events.frame().await.context("the stream ended too early")??;
        seen += &String::from_utf8_lossy(&frame.into_data().unwrap_or_default());
    }
    record(&world, &run).await?;
    let ending = Ending::Succeeded;
    stands(&world, &run, Position::Ended { ending }).await?;
    seen += &String::from_utf8_lossy(&events.collect().await?.to_bytes());
    let whole = [
        "begins",
        "asked the CA",
        "the CA has answered",
        "order opened",
        "issued",
        "end",
    ];
    assert_eq!(messages(&seen), whole, "{seen}");

    let log = world.get(&format!("/runs/{}/log", run.head.id)).await?.good(200)?;
    let items = log["items"].as_array().context("items")?;
    let recorded: Vec<&str> = items.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(recorded, whole[..5]);

    let id = seen.lines().filter_map(|line| line.strip_prefix("id: ")).nth(2);
    let rest = answered(world.raw(follow(&run, id)?).await?).await?.body;
    assert_eq!(messages(rest.as_str().unwrap_or_default()), whole[3..]);
    Ok(())
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_is_refused_by_name() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    let path = format!("/runs/{}/log", run.head.id);
    let refused = world
        .get(&format!("{path}?follow=perhaps"))
        .await?
        .refused(422, "API-0002")?;
    assert_eq!(refused["field"], "follow");
    let refused = answered(world.raw(follow(&run, Some("yesterday"))?).await?).await?;
    assert_eq!(refused.refused(422, "API-0002")?["field"], "Last-Event-ID");
    world
        .get("/runs/019ab3c0-0000-7000-8000-00000000ffff/log")
        .await?
        .refused(404, "API-0004")?;
    Ok(())
}

/// What was said to a CA.
pub fn exchange() -> Value {
    json!({
        "at": "2026-11-30T10:00:00Z", "method": "POST", "url": "https://ca.example.org/new-order", "request": "{}",
        "status": 201, "response": "{}", "took_ms": 12,
    })
}

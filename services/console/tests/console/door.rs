//! Who gets in, and what is said to those who ask for nothing that is served.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::{Method, Request};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use serde_json::json;
use testkit::async_nats::{Client, Subscriber};
use testkit::nats::settled;
use testkit::{Nats, Postgres};

use crate::world::{TOKEN, World, answered};

#[tokio::test]
async fn nothing_but_health_is_served_without_the_token() -> Result<()> {
    let world = World::new().await?;
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a-token-of-the-test",
        "Basic YTpi",
        TOKEN,
    ];
    for path in ["/runs", "/hosts", "/openapi.yaml", "/nothing"] {
        for header in wrong {
            let request = Request::get(format!("/api/v1{path}"))
                .header("authorization", header)
                .body(Body::empty())?;
            let response = world.raw(request).await?;
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let said = answered(response).await?;
            assert!(!said.body.to_string().contains(TOKEN), "{said:?}");
            said.refused(401, "API-0008")?;
        }
    }
    world.get("/runs").await?.good(200)?;
    let health = answered(world.raw(Request::get("/api/v1/health").body(Body::empty())?).await?)
        .await?
        .good(200)?;
    assert_eq!(
        (&health["status"], &health["database"], &health["nats"]),
        (&json!("ok"), &json!("ok"), &json!("ok"))
    );
    Ok(())
}

#[tokio::test]
async fn health_says_which_of_both_is_down() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    world.get("/health").await?.good(200)?;
    drop(nats);
    testkit::wait::until(
        "NATS is seen to be gone",
        std::time::Duration::from_secs(10),
        async || {
            let health = world.get("/health").await.ok()?.good(503).ok()?;
            (health["nats"] == "down" && health["database"] == "ok" && health["status"] == "down").then_some(())
        },
    )
    .await
}

#[tokio::test]
async fn a_database_that_is_away_is_a_problem_that_names_it_and_no_password() -> Result<()> {
    let postgres = Postgres::start().await?;
    let world = World::with(testkit::shared::nats().await, &postgres).await?;
    world.get("/hosts").await?.good(200)?;
    drop(postgres);
    let (health, hosts) = tokio::join!(world.get("/health"), world.get("/hosts"));
    assert_eq!(health?.good(503)?["database"], "down");
    let hosts = hosts?;
    assert!(!hosts.body.to_string().contains("postgres:"), "{hosts:?}");
    hosts.refused(503, "API-0010")?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_path_method_or_size_is_a_problem_too() -> Result<()> {
    let world = World::new().await?;
    world.get("/nothing").await?.refused(404, "API-0005")?;
    world
        .send(Method::DELETE, "/hosts", Body::empty())
        .await?
        .refused(405, "API-0006")?;
    let large = Body::from(vec![b' '; (1 << 20) + 1]);
    world
        .send(Method::POST, "/hosts", large)
        .await?
        .refused(413, "API-0007")?;
    let fits_an_import = Body::from(format!("[{}]", " ".repeat(2 << 20)));
    world
        .send(Method::POST, "/hosts/import", fits_an_import)
        .await?
        .good(200)?;
    let broken = world
        .send(Method::POST, "/hosts", Body::from("{\n\"hostname\" \"a.org\"}"))
        .await?;
    assert!(
        broken.body["detail"].to_string().contains("line 2 column"),
        "{broken:?}"
    );
    broken.refused(400, "API-0001")?;
    Ok(())
}

#[tokio::test]
async fn unknown_and_wrong_query_parameters_are_refused_by_name() -> Result<()> {
    let world = World::new().await?;
    for (path, field) in [
        ("/hosts?colour=red", "colour"),
        ("/hosts?limit=0", "limit"),
        ("/hosts?limit=1001", "limit"),
        ("/hosts?after=%00", "query"),
        ("/policies?after=x!y", "after"),
        ("/runs?status=idle", "status"),
        ("/runs?hostname=a!b.org", "hostname"),
        ("/emergencies?limit=1", "limit"),
        ("/providers?colour=red", "colour"),
        ("/budget?month=2026-01", "month"),
        ("/limits?after=x", "after"),
        ("/runs/counts?status=failed", "status"),
        ("/errors?code=7", "code"),
        ("/runs?after=7", "after"),
        ("/incidents?after=7", "after"),
        ("/runs/7", "run_id"),
    ] {
        let refused = world.get(path).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], field, "{path}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn health_is_looked_at_once_a_second_whoever_asks() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    // Each look asks the planner how NATS does.
    let ear = nats.connect().await?;
    let mut asked = ear.subscribe("vigilo.>").await?;
    let mut told = ear.subscribe("told").await?;
    settled(&ear).await?;
    world.get("/health").await?.good(200)?;
    // It comes on another connection, so it may come after the answer.
    let first = tokio::time::timeout(Duration::from_secs(30), asked.next()).await;
    first?.context("a look asks the planner")?;
    let of_one = 1 + heard(&ear, &mut asked, &mut told).await?;
    let began = Instant::now();
    for health in join_all((0..200).map(|_| world.get("/health"))).await {
        health?.good(200)?;
    }
    let looks = began.elapsed().as_secs() + 1;
    let of_all = heard(&ear, &mut asked, &mut told).await?;
    assert!(
        of_all <= of_one * usize::try_from(looks)?,
        "{of_all} questions in {looks} s"
    );
    Ok(())
}

/// How much came on the first of these since it was last asked.
async fn heard(ear: &Client, asked: &mut Subscriber, told: &mut Subscriber) -> Result<usize> {
    ear.publish("told", "".into()).await?;
    told.next().await.context("the end")?;
    Ok(std::iter::from_fn(|| asked.next().now_or_never().flatten()).count())
}

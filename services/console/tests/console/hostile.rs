//! What no honest client sends is refused with its field, and never ends in "something cannot be
//! read or written".

use anyhow::{Result, ensure};
use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::world::World;

const OUTSIDE: [&str; 2] = ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59"];

#[tokio::test]
async fn an_instant_outside_the_calendar_is_refused_by_its_field() -> Result<()> {
    let world = World::new().await?;
    for outside in OUTSIDE {
        for field in ["start_at", "ends_at"] {
            let mut job = json!({ "spec": { "filter": {} } });
            job["spec"][field] = json!(outside);
            let refused = world.post("/jobs", &job).await?.refused(422, "API-0002")?;
            ensure!(refused["field"] == format!("spec.{field}"), "{refused}");
            ensure!(
                refused["problem"].to_string().contains("the years 0 to 9999"),
                "{refused}"
            );
        }
        let escaped = outside.replace('+', "%2B");
        let refused = world
            .get(&format!("/events?since={escaped}"))
            .await?
            .refused(422, "API-0002")?;
        ensure!(refused["field"] == "since", "{refused}");
    }
    let before = json!({ "spec": { "filter": {}, "start_at": "-0001-01-01T00:00:00Z" } });
    let refused = world.post("/jobs", &before).await?.refused(422, "API-0002")?;
    ensure!(refused["field"] == "spec.start_at", "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_control_character_in_an_address_is_found_nowhere() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    for thing in [
        "hosts",
        "policies",
        "runs",
        "jobs",
        "providers",
        "target-groups",
        "tag-windows",
        "incidents",
    ] {
        for character in ["%00", "%1b", "%7F"] {
            for (method, path) in [
                (Method::GET, format!("/{thing}/{character}")),
                (Method::DELETE, format!("/{thing}/a{character}b")),
            ] {
                let answer = world.send(method.clone(), &path, Body::empty()).await?;
                ensure!(
                    [404, 405].contains(&answer.status.as_u16()),
                    "{method} {path}: {answer:?}"
                );
            }
        }
        let answer = world.get(&format!("/{thing}?limit=%00")).await?;
        ensure!([422, 405].contains(&answer.status.as_u16()), "{thing}: {answer:?}");
    }
    let refused = world.get("/hosts?q=%00").await?.refused(422, "API-0002")?;
    ensure!(
        refused["problem"].to_string().contains("control character"),
        "{refused}"
    );
    Ok(())
}

/// Counted while it is read: the rest of the list is not even looked at.
#[tokio::test]
async fn a_list_of_millions_of_nothings_is_refused_at_its_limit() -> Result<()> {
    let world = World::new().await?;
    let nothings = format!("[{{}}{}", ",{}".repeat(8_000_000));
    for path in ["/hosts/import", "/policies/import"] {
        let body = Body::from(nothings.clone());
        let refused = world.send(Method::POST, path, body).await?.refused(422, "API-0002")?;
        ensure!(refused["remedy"].to_string().contains("at most 100000"), "{refused}");
    }
    let body = Body::from(format!("{{\"hostnames\":[\"\"{}]}}", ",\"\"".repeat(200_000)));
    let refused = world
        .send(Method::POST, "/renewals", body)
        .await?
        .refused(422, "API-0002")?;
    ensure!(refused["field"] == "hostnames", "{refused}");
    Ok(())
}

//! What people do to runs, as the API takes it: many at once, a certificate by hand, and the pages of the codes.

use anyhow::Result;
use axum::body::Body;
use axum::http::Request;
use domain::{Invalid, RunId};
use protocol::request::{AmendedRun, Amendment, Answer, RefusedRun};
use serde_json::{Value, json};
use testkit::Nats;
use testkit::pki::Authority;

use crate::watching::queued;
use crate::world::{World, answered, play_planner};

#[tokio::test]
async fn many_runs_are_told_part_by_part_and_each_has_its_answer() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let ids: Vec<RunId> = (0..501).map(|_| RunId::new()).collect();
    let body = json!({ "ids": ids, "note": "the DNS is back" });
    let say = |_: &str, request: &Value| {
        let ids: Vec<RunId> = serde_json::from_value(request["run_ids"].clone()).expect("ids");
        let (first, done) = ids.split_first().expect("at least one");
        let refused = RefusedRun {
            run_id: *first,
            reason: Invalid::new("run_id", "it has ended", "start a new one"),
        };
        let amendment = Amendment {
            changed: vec!["port 443 → 8443".to_owned()],
            not_taken: Vec::new(),
        };
        let run_id = *done.first().unwrap_or(first);
        Answer::Told {
            done: done.to_vec(),
            refused: vec![refused],
            amended: vec![AmendedRun { run_id, amendment }],
        }
    };
    let (answer, asked) = tokio::join!(world.post("/runs/resume", &body), play_planner(&world.bus, 2, say));
    let (answer, asked) = (answer?.good(200)?, asked?);
    assert_eq!(answer["done"].as_array().map(Vec::len), Some(499));
    assert_eq!(answer["refused"][1]["run_id"], json!(ids[500]));
    let changed = json!({"run_id": ids[1], "changed": ["port 443 → 8443"]});
    assert_eq!(answer["amended"][0], changed, "what each part said is in the answer");
    assert!(asked.iter().all(|(subject, request)| {
        subject == "vigilo.command.default.resume" && request["note"] == "the DNS is back"
    }));
    Ok(())
}

#[tokio::test]
async fn a_word_about_many_must_say_which() -> Result<()> {
    let world = World::new().await?;
    for body in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": [RunId::new()], "all": true }),
        json!({ "ids": [RunId::new()], "code": "ISS-0007" }),
    ] {
        let refused = world.post("/runs/retry", &body).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], "ids", "{body}");
    }
    let none = world.post("/runs/cancel", &json!({ "all": true })).await?.good(200)?;
    assert_eq!(
        none,
        json!({ "done": [], "refused": [], "amended": [] }),
        "nobody is asked about nothing"
    );
    Ok(())
}

#[tokio::test]
async fn an_upload_that_cannot_fit_reaches_nobody() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?.head.id;
    let (ca, path) = (Authority::new()?, format!("/runs/{run}/resolve"));
    // The clock of this console stands still, long before these certificates begin.
    let own = ca.issue("www.example.org", 90)?;
    let other = ca.issue("other.example.org", 90)?;
    for (body, field) in [
        (json!({ "chain_pem": "" }), "chain_pem"),
        (
            json!({ "chain_pem": other.chain_pem, "key_pem": other.key_pem }),
            "chain_pem[0].sans",
        ),
        (
            json!({ "chain_pem": own.chain_pem, "key_pem": other.key_pem }),
            "key_pem",
        ),
        (json!({ "chain_pem": own.chain_pem, "key_pem": "nonsense" }), "key_pem"),
        (json!({ "chain_pem": own.chain_pem }), "key_pem"),
        (
            json!({ "chain_pem": own.chain_pem, "key_pem": own.key_pem }),
            "chain_pem[0].not_before",
        ),
        (json!({ "key_pem": own.key_pem }), "chain_pem"),
        (json!({ "chain_pem": own.chain_pem, "served": true }), "chain_pem"),
        (json!({ "key_pem": own.key_pem, "served": true }), "chain_pem"),
        (json!({ "served": true }), "served"),
    ] {
        let refused = world.post(&path, &body).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], field, "{refused}");
        let secret = own.key_pem.lines().nth(1).unwrap_or_default();
        assert!(!refused.to_string().contains(secret), "the key is repeated");
    }
    let csr = world.get(&format!("/runs/{run}/csr")).await?.refused(404, "API-0004")?;
    assert_eq!(csr["field"], "run_id");
    Ok(())
}

#[tokio::test]
async fn a_code_is_explained_without_a_login_in_the_kind_that_is_wanted() -> Result<()> {
    let world = World::new().await?;
    let ask = async |path: &str, accept: &str| {
        let request = Request::builder()
            .uri(format!("/api/v1/errors{path}"))
            .header("accept", accept);
        answered(world.raw(request.body(Body::empty())?).await?).await
    };
    let page = ask("/iss-0007", "*/*").await?.good(200)?;
    assert_eq!(page["code"], "ISS-0007");
    assert!(
        page["what_you_can_do"]
            .as_str()
            .is_some_and(|text| text.contains("resume")),
        "{page}"
    );
    let html = ask("/ISS-0007", "text/html,application/xhtml+xml;q=0.9").await?;
    assert!(
        html.kind.starts_with("text/html") && html.body.to_string().contains("What you can do"),
        "{html:?}"
    );
    let text = ask("/ISS-0007", "text/markdown").await?;
    assert!(
        text.body.as_str().is_some_and(|text| text.starts_with("# ISS-0007: ")),
        "{text:?}"
    );
    let all = ask("", "application/json").await?.good(200)?;
    assert!(all["items"].as_array().is_some_and(|items| items.len() > 40), "{all}");
    let unknown = ask("/ISS-9999", "text/html").await?;
    assert_eq!(unknown.status, 404);
    Ok(())
}

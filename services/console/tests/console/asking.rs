//! Renewals, resume and cancel: what goes to the planner, and how its answers come out.

use anyhow::{Context, Result};
use domain::{Hostname, Invalid, RunId};
use protocol::request::{Accepted, Amendment, Answer, Refused};
use serde_json::{Value, json};
use testkit::Nats;

use crate::watching::{at_rest, queued};
use crate::world::{World, play_planner};

/// Accepts every hostname but those that begin with `late`.
fn willing(_: &str, request: &Value) -> Answer {
    let names: Vec<Hostname> = serde_json::from_value(request["hostnames"].clone()).expect("hostnames");
    let (late, rest): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.as_str().starts_with("late"));
    let accepted = rest
        .into_iter()
        .map(|hostname| Accepted {
            hostname,
            run_id: RunId::new(),
        })
        .collect();
    let reason = Invalid::new("hostname", "it has an active run", "wait for it");
    let refused = late
        .into_iter()
        .map(|hostname| Refused {
            hostname,
            reason: reason.clone(),
        })
        .collect();
    Answer::Renewal {
        accepted,
        refused,
        warning: None,
    }
}

#[tokio::test]
async fn every_hostname_is_accepted_or_refused_with_its_reason() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let body = json!({ "hostnames": ["a.example.org", "b!.example.org", "late.example.org", "A.example.org"], "mode": "dry_run" });
    let (answer, asked) = tokio::join!(world.post("/renewals", &body), play_planner(&world.bus, 1, willing));
    let (answer, asked) = (answer?.good(202)?, asked?);
    let names = |list: &Value| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|one| one["hostname"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(names(&answer["accepted"]), ["a.example.org"]);
    assert_eq!(names(&answer["refused"]), ["b!.example.org", "late.example.org"]);
    assert_eq!(answer["refused"][1]["reason"]["remedy"], "wait for it");
    let (subject, request) = &asked[0];
    assert_eq!(subject, "vigilo.command.default.renew");
    assert_eq!(
        request["hostnames"],
        json!(["a.example.org", "late.example.org"]),
        "each name once"
    );
    assert_eq!(
        (&request["mode"], &request["requested_by"]),
        (&json!("dry_run"), &json!("owner"))
    );
    Ok(())
}

#[tokio::test]
async fn a_fleet_is_asked_for_in_parts_with_keys_of_their_own() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let names: Vec<String> = (0..1_100).map(|number| format!("h{number}.example.org")).collect();
    let body = json!({ "hostnames": names, "idempotency_key": "tonight" });
    let (answer, asked) = tokio::join!(world.post("/renewals", &body), play_planner(&world.bus, 3, willing));
    let (answer, asked) = (answer?.good(202)?, asked?);
    assert_eq!(answer["accepted"].as_array().context("a list")?.len(), 1_100);
    let parts: Vec<_> = asked
        .iter()
        .map(|(_, request)| {
            (
                request["idempotency_key"].as_str(),
                request["hostnames"].as_array().map(Vec::len),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            (Some("tonight.0"), Some(500)),
            (Some("tonight.1"), Some(500)),
            (Some("tonight.2"), Some(100))
        ]
    );
    assert!(asked.iter().all(|(_, request)| request["trigger"] == "operator"));
    Ok(())
}

#[tokio::test]
async fn all_means_every_active_policy() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    for hostname in ["a.example.org", "b.example.org", "without.example.org"] {
        world.host(hostname).await?;
    }
    for hostname in ["a.example.org", "b.example.org"] {
        world.policy(hostname).await?;
    }
    let body = json!({ "all": true });
    let (answer, asked) = tokio::join!(world.post("/renewals", &body), play_planner(&world.bus, 1, willing));
    assert_eq!(answer?.good(202)?["refused"], json!([]));
    let asked = &asked?[0].1;
    assert_eq!(asked["hostnames"], json!(["a.example.org", "b.example.org"]));
    assert_eq!(asked["trigger"], "bulk");
    Ok(())
}

#[tokio::test]
async fn a_request_that_does_not_say_what_is_refused() -> Result<()> {
    let world = World::new().await?;
    for (body, field) in [
        (json!({}), "hostnames"),
        (json!({ "hostnames": [] }), "hostnames"),
        (json!({ "hostnames": ["a.example.org"], "all": true }), "hostnames"),
        (json!({ "all": true, "mode": "wet" }), "mode"),
        (json!({ "all": true, "idempotency_key": "" }), "idempotency_key"),
        (json!({ "host": "a.example.org" }), "host"),
    ] {
        let refused = world.post("/renewals", &body).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], field, "{body}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn names_that_are_none_are_refused_without_asking_anybody() -> Result<()> {
    let world = World::new().await?;
    let answer = world
        .post("/renewals", &json!({ "hostnames": ["local host"] }))
        .await?
        .good(202)?;
    assert_eq!(
        (&answer["accepted"], &answer["refused"][0]["hostname"]),
        (&json!([]), &json!("local host"))
    );
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_word_on_a_run_goes_to_the_planner_and_its_no_comes_back() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let run = queued(&world, "www.example.org").await?;
    let id = run.head.id;
    at_rest(&world, &run).await?;
    let say = |subject: &str, _: &Value| match subject.rsplit_once('.') {
        Some((_, "resume")) => Answer::Done {
            run_id: id,
            amendment: Amendment {
                changed: vec!["port 443 → 8443".to_owned()],
                not_taken: vec!["names".to_owned()],
            },
        },
        _ => Answer::Rejected {
            reason: Invalid::new("run_id", "it has ended", "look at the run"),
        },
    };
    let (planner, person) = tokio::join!(play_planner(&world.bus, 2, say), async {
        let resumed = world
            .post(&format!("/runs/{id}/resume"), &Value::Null)
            .await?
            .good(200)?;
        let said = json!({"run_id": id, "changed": ["port 443 → 8443"], "not_taken": ["names"]});
        assert_eq!(resumed, said);
        let refused = world
            .post(&format!("/runs/{id}/cancel"), &Value::Null)
            .await?
            .refused(409, "API-0009")?;
        assert_eq!(refused["problem"], "it has ended");
        anyhow::Ok(())
    });
    person?;
    let verbs: Vec<_> = planner?
        .into_iter()
        .map(|(subject, request)| (subject, request["run_id"].clone()))
        .collect();
    let expected = ["resume", "cancel"].map(|verb| (format!("vigilo.command.default.{verb}"), json!(id)));
    assert_eq!(verbs, expected);
    let unknown = RunId::new();
    world
        .post(&format!("/runs/{unknown}/resume"), &Value::Null)
        .await?
        .refused(404, "API-0004")?;
    Ok(())
}

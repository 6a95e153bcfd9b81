//! A workspace's system, or a person, sends what nobody honest sends: it costs that message, and nobody else anything.

use anyhow::{Context, Result, bail, ensure};
use domain::WorkspaceId;
use futures::StreamExt;
use integration::fleet::Member;
use protocol::request::Answer;
use protocol::subjects;
use serde_json::{Value, json};
use testkit::async_nats::{Client, HeaderMap, jetstream};

use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet};

/// Instants whose offset moves them out of the years that a calendar has.
const OUTSIDE: [&str; 2] = ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59"];

/// Asks as a system of the workspace does, and gives the planner's answer.
async fn ask(client: &Client, verb: &str, question: &Value) -> Result<Answer> {
    // A system is answered at its workspace's own inbox only.
    let inbox = client.new_inbox().replace("_INBOX.", "_INBOX.ws-default.");
    let mut answers = client.subscribe(inbox.clone()).await?;
    let mut headers = HeaderMap::new();
    headers.insert("vigilo-reply-to", inbox);
    let subject = subjects::request(&WorkspaceId::default_workspace(), verb);
    let payload = serde_json::to_vec(question)?.into();
    jetstream::new(client.clone())
        .publish_with_headers(subject, headers, payload)
        .await?
        .await?;
    let answer = tokio::time::timeout(SOON, answers.next()).await?.context("an answer")?;
    Ok(serde_json::from_slice(&answer.payload)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_outside_the_calendar_is_refused_and_the_planner_lives_on() -> Result<()> {
    let (estate, fleet) = fleet(2).await?;
    let planner = fleet.member(Member::Planner)?.pid();
    let client = fleet.nats.connect().await?;
    for outside in OUTSIDE {
        let events = json!({"consumer": 1, "since": outside, "requested_by": "x"});
        let bulk = |field: &str| {
            let mut spec = json!({"filter": {}});
            spec[field] = json!(outside);
            json!({"spec": spec, "idempotency_key": format!("{field} {outside}"), "requested_by": "x"})
        };
        for (verb, question) in [
            ("events", events),
            ("bulk-plan", bulk("start_at")),
            ("bulk-plan", bulk("ends_at")),
        ] {
            let answer = ask(&client, verb, &question).await?;
            let Answer::Rejected { reason } = answer else {
                bail!("{verb}: {answer:?}")
            };
            ensure!(
                reason.problem.contains("the years 0 to 9999") && reason.problem.contains(outside),
                "{verb}: {reason:?}"
            );
        }
    }
    ensure!(
        fleet.member(Member::Planner)?.pid() == planner,
        "another planner answers"
    );
    fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}

//! A hostile system has the password of its workspace and tries what its own account does not allow: to speak as the
//! fleet, to listen to others, and to let the server speak for it.

use anyhow::{Context, Result, bail, ensure};
use domain::run::Trigger;
use futures::{FutureExt, StreamExt};
use protocol::request::Answer;
use serde::Deserialize;
use serde_json::json;
use testkit::async_nats::{Client, HeaderMap};

use crate::guarded::{Guarded, Somebody, guarded};
use crate::world::{SOON, all_succeed_with_one_certificate_each};

/// What a service of the fleet says, one of each kind, and what moves its streams and consumers.
const FORBIDDEN_TO_SAY: [&str; 21] = [
    "vigilo.order.issuer.issue",
    "vigilo.report.verify",
    "vigilo.log.default.019ab3c0-0000-7000-8000-000000000001",
    "vigilo.run.default.019ab3c0-0000-7000-8000-000000000001.succeeded",
    "vigilo.custody.open.issuer",
    "vigilo.custody.seal",
    "vigilo.probe.seen.default",
    "vigilo.renewal-info.told.default",
    "vigilo.dead.runs",
    "vigilo.request.other.renew",
    "vigilo.command.default.renew",
    "$JS.API.STREAM.DELETE.ORDERS",
    "$JS.API.STREAM.PURGE.RUNS",
    "$JS.API.CONSUMER.CREATE.RUNS",
    "$JS.API.CONSUMER.CREATE.RUNS.ws-default-1.vigilo.run.>",
    "$JS.API.CONSUMER.CREATE.RUNS.ws-default-1.vigilo.run.default.>",
    "$JS.API.CONSUMER.DELETE.RUNS.incident",
    "vigilo.js.CONSUMER.CREATE.RUNS.ws-default-1.vigilo.run.default.>",
    "vigilo.js.CONSUMER.MSG.NEXT.RUNS.incident",
    "vigilo.js.CONSUMER.MSG.NEXT.RUNS.ws-other-1",
    "$JS.ACK.RUNS.incident.1.1.1.1.0",
];

const FORBIDDEN_TO_HEAR: [&str; 9] = [
    ">",
    "vigilo.order.>",
    "vigilo.report.>",
    "vigilo.log.>",
    "vigilo.custody.>",
    "vigilo.run.>",
    "vigilo.run.other.>",
    "_INBOX.console.>",
    "_INBOX.ws-other.>",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_system_neither_speaks_nor_listens_outside_of_its_workspace() -> Result<()> {
    let world = guarded(1).await?;
    let mut hostile = world.login("ws-default").await?;
    for subject in FORBIDDEN_TO_SAY {
        hostile.client.publish(subject, "{}".into()).await?;
        hostile.was_denied(&subject.to_lowercase()).await?;
    }
    for subject in FORBIDDEN_TO_HEAR {
        let _heard = hostile.client.subscribe(subject).await?;
        hostile.was_denied(&format!("\"{}\"", subject.to_lowercase())).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn the_server_says_nothing_for_a_hostile_system_that_it_may_not_say_itself() -> Result<()> {
    let world = guarded(1).await?;
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    let hostile = world.login("ws-default").await?;
    let reader = opened(&hostile, "default").await?;
    let fleet = world.login("console").await?;
    let victim = world.login("key-signer").await?;
    let mut overheard = victim.client.subscribe("vigilo.custody.seal").await?;
    victim.client.flush().await?;
    let before = said(&fleet.client).await?;

    let pull = format!("vigilo.js.CONSUMER.MSG.NEXT.RUNS.{reader}");
    for foreign in [
        "vigilo.order.issuer.issue",
        "vigilo.report.verify",
        "vigilo.custody.seal",
    ] {
        // The stream confirms to the reply subject, and a consumer delivers to it.
        let asked = json!({"job_id": "019ab3c0-0000-7000-8000-000000000009", "requested_by": "hostile"});
        let request = "vigilo.request.default.job-show";
        hostile
            .client
            .publish_with_reply(request, foreign, asked.to_string().into())
            .await?;
        hostile
            .client
            .publish_with_reply(pull.clone(), foreign, r#"{"batch": 3}"#.into())
            .await?;
    }
    answered_elsewhere(&hostile, "vigilo.order.issuer.issue").await?;
    // What comes after has been answered, so what came before has been dealt with.
    let fifth = hostile
        .asks(
            "vigilo.request.default.events",
            &json!({"consumer": 5, "requested_by": "hostile"}),
        )
        .await?;
    ensure!(rejected_field(&fifth)? == "consumer", "{fifth:?}");

    ensure!(
        said(&fleet.client).await? == before,
        "something came among the orders or reports"
    );
    // An answer to the victim comes after everything that was said to it before.
    said(&victim.client).await?;
    let heard = overheard.next().now_or_never();
    ensure!(heard.is_none(), "the key-signer was spoken to: {heard:?}");
    nobody_else_gets_the_answer(&world, &hostile).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_is_written_down_as_one_and_gets_nothing_that_only_people_may_ask_for() -> Result<()> {
    let world = guarded(1).await?;
    let hostile = world.login("ws-default").await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let renew = json!({"hostnames": [host], "idempotency_key": "night-1", "requested_by": "owner"});
    for (field, value) in [
        ("trigger", json!("schedule")),
        ("trigger", json!("operator")),
        ("despite_cooldown", json!(true)),
    ] {
        let mut wish = renew.clone();
        wish[field] = value;
        let answer = hostile.asks("vigilo.request.default.renew", &wish).await?;
        ensure!(rejected_field(&answer)? == field, "{wish}: {answer:?}");
    }
    for (field, value) in [("cooldown", json!("ignore")), ("beyond_month", json!(true))] {
        let mut wish = json!({"spec": {"filter": {}}, "idempotency_key": "night-2", "requested_by": "owner"});
        wish["spec"][field] = value;
        let answer = hostile.asks("vigilo.request.default.bulk-plan", &wish).await?;
        ensure!(
            rejected_field(&answer)? == format!("spec.{field}"),
            "{wish}: {answer:?}"
        );
    }
    ensure!(world.estate.issued() == 0);

    let answer = hostile.asks("vigilo.request.default.renew", &renew).await?;
    let Answer::Renewal { accepted, .. } = answer else {
        bail!("{answer:?}")
    };
    let run = accepted.first().context("a run")?.run_id;
    let run = world.fleet.api.succeeds(run, SOON).await?.run;
    ensure!(
        run.operator == "systems of default: owner" && run.trigger == Trigger::Request,
        "{run:?}"
    );
    Ok(())
}

/// The field for which a request is rejected.
fn rejected_field(answer: &Answer) -> Result<&str> {
    match answer {
        Answer::Rejected { reason } => Ok(&reason.field),
        taken => bail!("it was taken: {taken:?}"),
    }
}

/// Asks for the answer at a subject that is not one's own.
async fn answered_elsewhere(hostile: &Somebody, to: &str) -> Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert("vigilo-reply-to", to);
    let asked = json!({"job_id": "019ab3c0-0000-7000-8000-000000000009", "requested_by": "hostile"});
    let request = "vigilo.request.default.job-show";
    hostile
        .client
        .publish_with_headers(request, headers, asked.to_string().into())
        .await?;
    Ok(())
}

async fn nobody_else_gets_the_answer(world: &Guarded, hostile: &Somebody) -> Result<()> {
    let other = world.login("ws-other").await?;
    let mut inbox = other.client.subscribe("_INBOX.ws-other.guessed").await?;
    other.client.flush().await?;
    answered_elsewhere(hostile, "_INBOX.ws-other.guessed").await?;
    opened(hostile, "default").await?;
    opened(&other, "other").await?;
    let heard = inbox.next().now_or_never();
    ensure!(heard.is_none(), "{heard:?}");
    Ok(())
}

/// Opens a consumer of one's own and gives its name.
async fn opened(somebody: &Somebody, workspace: &str) -> Result<String> {
    let asked = json!({"consumer": 1, "requested_by": "somebody"});
    let subject = format!("vigilo.request.{workspace}.events");
    match somebody.asks(&subject, &asked).await? {
        Answer::Events { consumer } => Ok(consumer),
        other => bail!("{other:?}"),
    }
}

/// How many orders and reports there were ever, as a service sees it.
async fn said(client: &Client) -> Result<[u64; 2]> {
    let mut last = [0; 2];
    for (stream, last) in ["ORDERS", "REPORTS"].into_iter().zip(&mut last) {
        let asked = client.request(format!("$JS.API.STREAM.INFO.{stream}"), "".into());
        let info: Info = serde_json::from_slice(&tokio::time::timeout(SOON, asked).await??.payload)?;
        *last = info.state.last_seq;
    }
    Ok(last)
}

/// What NATS says of a stream, as far as it is needed here.
#[derive(Deserialize)]
struct Info {
    state: State,
}

#[derive(Deserialize)]
struct State {
    last_seq: u64,
}

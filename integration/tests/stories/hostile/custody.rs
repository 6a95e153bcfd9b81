//! What a worker that was broken into gets from the key-signer: the keys of its own orders, while they last, and no more.

use anyhow::{Context, Result, ensure};
use bus::signing::HEADER;
use futures::StreamExt;
use integration::Member;
use serde_json::{Value, json};
use testkit::Signal;
use testkit::async_nats::{Client, Message};

use super::{DEPLOY, consumer};
use crate::guarded::guarded;
use crate::world::{SOON, all_succeed_with_one_certificate_each};

const OPEN: &str = "vigilo.custody.open.deployer";
/// An X25519 key: what is sealed to it is not read here.
const READER: &str = "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OWN: &str = "_INBOX.deployer.own";

/// An order as NATS delivered it to the deployer.
struct Taken {
    message: Message,
    order: Value,
}

impl Taken {
    fn envelope(&self) -> &Value {
        &self.order["spec"]["certificate"]["sealed_key"]
    }

    /// As a deployer shows it.
    fn shown(&self) -> Result<Value> {
        let headers = self.message.headers.as_ref().context("headers")?;
        let signature = headers.get(HEADER).context("the planner's signature")?.as_str();
        let payload = std::str::from_utf8(&self.message.payload)?;
        Ok(json!({"subject": DEPLOY, "signature": signature, "payload": payload}))
    }

    async fn give_back(&self, client: &Client) -> Result<()> {
        let reply = self.message.reply.clone().context("where it is acknowledged")?;
        Ok(client.publish(reply, "-NAK".into()).await?)
    }
}

fn question(envelope: &Value, order: &Value) -> Value {
    json!({
        "workspace": "default", "purpose": "leaf-key", "envelope": envelope, "recipient": READER, "run_id": null, "order": order,
    })
}

async fn asked(client: &Client, question: &Value) -> Result<Value> {
    let answer = client.request(OPEN, question.to_string().into());
    Ok(serde_json::from_slice(
        &tokio::time::timeout(SOON, answer).await??.payload,
    )?)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_deployer_opens_the_keys_of_its_orders_and_no_others() -> Result<()> {
    let world = guarded(2).await?;
    let hostile = world.login("deployer").await?.client;
    let running = world.fleet.member(Member::Deployer)?;
    running.signal(Signal::STOP)?;
    let info = "$JS.API.CONSUMER.INFO.ORDERS.deployer";
    consumer(&hostile, info, "no pull of the deployer's is open", |it| {
        it["num_waiting"] == 0
    })
    .await?;
    world.fleet.api.renew(None).await?;
    let mut delivered = hostile.subscribe(OWN).await?;
    let next = "$JS.API.CONSUMER.MSG.NEXT.ORDERS.deployer";
    hostile
        .publish_with_reply(next, OWN, r#"{"batch": 2, "expires": 60000000000}"#.into())
        .await?;
    let mut taken = Vec::new();
    while taken.len() < 2 {
        let message = tokio::time::timeout(SOON, delivered.next())
            .await?
            .context("an order")?;
        let order: Value = serde_json::from_slice(&message.payload).with_context(|| format!("{message:?}"))?;
        ensure!(order["step"] == "deploy-0", "{order}");
        taken.push(Taken { message, order });
    }
    let (own, other) = (&taken[0], &taken[1]);

    let opened = asked(&hostile, &question(own.envelope(), &own.shown()?)).await?;
    ensure!(opened["answer"] == "opened", "{opened}");
    let run = own.order["run_id"].as_str().context("a run")?;
    ensure!(
        own.envelope().as_str().is_some_and(|envelope| envelope.contains(run)),
        "the key is bound to its run"
    );
    let mut changed = own.shown()?;
    let with_other = own.message.payload.as_ref().to_vec();
    let mine = own.envelope().as_str().context("an envelope")?;
    let theirs = other.envelope().as_str().context("an envelope")?;
    changed["payload"] = json!(String::from_utf8(with_other)?.replace(mine, theirs));
    let mut elsewhere = own.shown()?;
    elsewhere["subject"] = json!("_INBOX.deployer.own");
    for (envelope, order, answer, reason) in [
        (other.envelope(), own.shown()?, "denied", "another run"),
        (other.envelope(), changed, "unavailable", "BUS-0003"),
        (own.envelope(), elsewhere, "unavailable", "BUS-0003"),
        (own.envelope(), Value::Null, "unavailable", "shows no order"),
    ] {
        let refused = asked(&hostile, &question(envelope, &order)).await?;
        let said = refused["reason"].as_str().unwrap_or_default();
        ensure!(
            refused["answer"] == answer && said.contains(reason),
            "{answer}, {reason}: {refused}"
        );
    }
    // Relabelled as a key of the run whose order is at hand.
    let relabelled = theirs.replace(other.order["run_id"].as_str().context("a run")?, run);
    let refused = asked(&hostile, &question(&json!(relabelled), &own.shown()?)).await?;
    ensure!(refused["answer"] == "denied", "{refused}");

    for order in &taken {
        order.give_back(&hostile).await?;
    }
    hostile.flush().await?;
    running.signal(Signal::CONT)?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}

/// As many as the key-signer answers within a minute when nothing else is configured, and some more.
const FLOOD: usize = 20_200;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_asks_without_end_is_held_up_and_nobody_else_is() -> Result<()> {
    let world = guarded(1).await?;
    let hostile = world.login("incident").await?.client;
    let inbox = "_INBOX.incident.own";
    let mut answers = hostile.subscribe(format!("{inbox}.*")).await?;
    for number in 0..FLOOD {
        let place = format!("{inbox}.{number}");
        hostile
            .publish_with_reply("vigilo.custody.open.incident", place, "{}".into())
            .await?;
    }
    hostile.flush().await?;
    let mut over = 0;
    for number in 0..FLOOD {
        let answer = tokio::time::timeout(SOON, answers.next())
            .await
            .with_context(|| format!("answer {number}"))?
            .context("an answer")?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        let reason = answer["reason"].as_str().context("a reason")?;
        if reason.contains("questions_per_minute") {
            ensure!(
                answer["answer"] == "unavailable" && reason.contains("incident"),
                "{answer}"
            );
            over += 1;
        } else {
            ensure!(answer["answer"] == "denied", "{answer}");
        }
    }
    ensure!(over > 0, "nothing was over");
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}

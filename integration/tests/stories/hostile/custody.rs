//! What a worker that was broken into gets from the key-signer: the keys of its own orders, while they last, and no more.

use anyhow::{Context, Result, bail, ensure};
use bus::signing::HEADER;
use domain::run::Step;
use futures::StreamExt;
use integration::Member;
use protocol::custody::{CustodyAnswer, ShownOrder};
use protocol::order::{DeploySpec, Order};
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
    order: Order<DeploySpec>,
}

impl Taken {
    /// The sealed key.
    fn envelope(&self) -> Result<&str> {
        let certificate = self.order.spec.certificate.as_ref().context("a certificate")?;
        Ok(certificate.sealed_key.as_ref().context("an envelope")?.as_str())
    }

    /// As a deployer shows it.
    fn shown(&self) -> Result<ShownOrder> {
        let headers = self.message.headers.as_ref().context("headers")?;
        let signature = headers.get(HEADER).context("the planner's signature")?.as_str();
        Ok(ShownOrder {
            subject: DEPLOY.to_owned(),
            signature: signature.to_owned(),
            payload: String::from_utf8(self.message.payload.to_vec())?,
        })
    }

    async fn give_back(&self, client: &Client) -> Result<()> {
        let reply = self.message.reply.clone().context("where it is acknowledged")?;
        Ok(client.publish(reply, "-NAK".into()).await?)
    }
}

fn question(envelope: &str, order: Option<&ShownOrder>) -> Value {
    json!({
        "workspace": "default", "purpose": "leaf-key", "envelope": envelope, "recipient": READER, "run_id": null, "order": order,
    })
}

async fn asked(client: &Client, question: &Value) -> Result<CustodyAnswer> {
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
        it.num_waiting == 0
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
        let order: Order<DeploySpec> =
            serde_json::from_slice(&message.payload).with_context(|| format!("{message:?}"))?;
        ensure!(order.step == Step::Deploy(0), "{order:?}");
        taken.push(Taken { message, order });
    }
    let (own, other) = (&taken[0], &taken[1]);

    let (mine, theirs, shown) = (own.envelope()?, other.envelope()?, own.shown()?);
    let opened = asked(&hostile, &question(mine, Some(&shown))).await?;
    ensure!(matches!(opened, CustodyAnswer::Opened { .. }), "{opened:?}");
    let run = own.order.run_id.to_string();
    ensure!(mine.contains(&run), "the key is bound to its run");
    let mut changed = shown.clone();
    changed.payload = changed.payload.replace(mine, theirs);
    let mut elsewhere = shown.clone();
    OWN.clone_into(&mut elsewhere.subject);
    let denied = asked(&hostile, &question(theirs, Some(&shown))).await?;
    ensure!(is_denied(&denied, "another run"), "{denied:?}");
    for (envelope, order, reason) in [
        (theirs, Some(&changed), "BUS-0003"),
        (mine, Some(&elsewhere), "BUS-0003"),
        (mine, None, "shows no order"),
    ] {
        let refused = asked(&hostile, &question(envelope, order)).await?;
        ensure!(is_unavailable(&refused, reason), "{reason}: {refused:?}");
    }
    // Relabelled as a key of the run whose order is at hand.
    let relabelled = theirs.replace(&other.order.run_id.to_string(), &run);
    let denied = asked(&hostile, &question(&relabelled, Some(&shown))).await?;
    ensure!(is_denied(&denied, ""), "{denied:?}");

    for order in &taken {
        order.give_back(&hostile).await?;
    }
    hostile.flush().await?;
    running.signal(Signal::CONT)?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}

fn is_denied(answer: &CustodyAnswer, because: &str) -> bool {
    matches!(answer, CustodyAnswer::Denied { reason } if reason.contains(because))
}

fn is_unavailable(answer: &CustodyAnswer, because: &str) -> bool {
    matches!(answer, CustodyAnswer::Unavailable { reason } if reason.contains(because))
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
        match serde_json::from_slice(&answer.payload)? {
            CustodyAnswer::Unavailable { reason } => {
                let is_over = reason.contains("questions_per_minute") && reason.contains("incident");
                ensure!(is_over, "{reason}");
                over += 1;
            }
            CustodyAnswer::Denied { reason } => ensure!(!reason.contains("questions_per_minute"), "{reason}"),
            other => bail!("{other:?}"),
        }
    }
    ensure!(over > 0, "nothing was over");
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}

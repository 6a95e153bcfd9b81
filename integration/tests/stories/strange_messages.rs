//! Messages that should not be there: an order that comes twice, and what is no message of ours at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use bus::signing::{HEADER, Signer, SigningKey};
use domain::WorkspaceId;
use domain::run::StepKind;
use futures::StreamExt;
use integration::fleet::{Member, bound};
use integration::{Estate, Fleet};
use protocol::direct_reply::Current;
use protocol::order::IssueSpec;
use protocol::subjects;
use testkit::async_nats::jetstream::{self, stream::Stream};
use testkit::async_nats::{Client, HeaderMap, Message};
use testkit::nats::settled;
use testkit::{Signal, wait};

use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet};

const COPY: &str = "copy-of-this-story";
const MESSAGE_ID: &str = "Nats-Msg-Id";

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn an_order_that_is_handled_twice_issues_once() -> Result<()> {
    let (estate, fleet) = fleet(10).await?;
    let client = fleet.nats.connect().await?;
    let twice = [subjects::order(StepKind::Issue), subjects::order(StepKind::Deploy)];
    let mut orders = client.subscribe("vigilo.order.>").await?;
    let mut handed = client.subscribe(format!("{}.>", subjects::INBOX)).await?;
    settled(&client).await?;
    let planner = SigningKey::read(&Signer::Planner.key_file(&fleet.keys)).map_err(anyhow::Error::msg)?;
    let copies = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&copies);
    let copying = tokio::spawn(async move {
        loop {
            let copied = tokio::select! {
                Some(order) = orders.next() => {
                    if !twice.iter().any(|subject| *subject == *order.subject) {
                        continue;
                    }
                    copy(&client, order).await?
                }
                Some(answer) = handed.next() => publish_too(&client, &planner, &answer).await?,
                else => return anyhow::Ok(()),
            };
            counted.fetch_add(copied, Ordering::Relaxed);
        }
    });
    fleet.api.renew(None).await?;
    fleet.api.all_settled(bound(10)).await?;
    every_order_is_answered(&fleet.nats.connect().await?).await?;
    copying.abort();
    let copies = copies.load(Ordering::Relaxed);
    ensure!(
        copies >= 30,
        "an order is placed, finished and deployed in 10 runs, but {copies} copies were made"
    );
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}

/// The same order once more, but not for the stream's own eye for duplicates; a copy is not copied again. Gives how many
/// were sent.
async fn copy(client: &Client, order: Message) -> Result<usize> {
    let original = order.headers.unwrap_or_default();
    if original.get(COPY).is_some() {
        return Ok(0);
    }
    let mut headers = HeaderMap::new();
    for (name, values) in original.iter() {
        if !name.to_string().eq_ignore_ascii_case(MESSAGE_ID) {
            values
                .iter()
                .for_each(|value| headers.append(name.clone(), value.clone()));
        }
    }
    headers.insert(COPY, "1");
    client
        .publish_with_headers(order.subject, headers, order.payload)
        .await?;
    Ok(1)
}

/// An order that was handed to the worker that waited for it comes by the stream as well, as after a crash of the planner,
/// which signs it for there.
async fn publish_too(client: &Client, planner: &SigningKey, answer: &Message) -> Result<usize> {
    let Ok(Current::Order { order }) = serde_json::from_slice::<Current<IssueSpec>>(&answer.payload) else {
        return Ok(0);
    };
    let order = serde_json::to_vec(&order)?;
    let mut headers = HeaderMap::new();
    headers.insert(COPY, "1");
    let subject = subjects::order(StepKind::Issue);
    headers.insert(HEADER, planner.sign(&subject, &order));
    client.publish_with_headers(subject, headers, order.into()).await?;
    Ok(1)
}

/// After a power cut NATS delivers again what was acknowledged, as if for the first time.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_before_is_asked_about_and_opens_nothing_at_the_ca() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let client = fleet.nats.connect().await?;
    let opening = carried_out(&estate, &fleet, &client).await?;
    let issuer = fleet.member(Member::Issuer)?;
    issuer.kill_hard()?;
    copy(&client, opening).await?;
    client.flush().await?;
    issuer.start_again().await?;
    every_order_is_answered(&client).await?;
    let opened = estate.pebbles[0].orders();
    ensure!(opened == 1, "{opened} orders were opened at the CA for one run");
    Ok(())
}

/// The same for an issuer that lives on while NATS is started again.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_before_a_start_of_nats_opens_nothing_at_the_ca() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let client = fleet.nats.connect().await?;
    let opening = carried_out(&estate, &fleet, &client).await?;
    let issuer = fleet.member(Member::Issuer)?;
    issuer.signal(Signal::STOP)?;
    asks_no_more(&client).await?;
    copy(&client, opening).await?;
    client.flush().await?;
    fleet.nats.restart().await?;
    issuer.signal(Signal::CONT)?;
    every_order_is_answered(&client).await?;
    let opened = estate.pebbles[0].orders();
    ensure!(opened == 1, "{opened} orders were opened at the CA for one run");
    Ok(())
}

/// A renewal that went well, and the order of it that opened one at the CA.
async fn carried_out(estate: &Estate, fleet: &Fleet, client: &Client) -> Result<Message> {
    let orders = client.subscribe(subjects::order(StepKind::Issue)).await?;
    settled(client).await?;
    fleet.api.renew(None).await?;
    // The first one makes the account at the CA.
    let opening = orders.skip(1).next().await;
    let opening = opening.context("the order that opens one at the CA")?;
    all_succeed_with_one_certificate_each(&fleet.api, estate).await?;
    Ok(opening)
}

/// Until no pull of the issuers is open: what comes now waits in the stream.
async fn asks_no_more(client: &Client) -> Result<()> {
    let orders = jetstream::new(client.clone()).get_stream("ORDERS").await?;
    wait::until_ok("the issuer's last pull to end", SOON, async || {
        let waiting = orders.consumer_info("issuer").await?.num_waiting;
        ensure!(waiting == 0, "{waiting} are open");
        Ok(())
    })
    .await
}

/// The stream of orders is a work queue: when it is empty, the copies have been handled too.
async fn every_order_is_answered(client: &Client) -> Result<()> {
    let orders = jetstream::new(client.clone()).get_stream("ORDERS").await?;
    wait::until_ok("every order to be answered", SOON, async || {
        let left = orders.get_info().await?.state.messages;
        ensure!(left == 0, "{left} are left");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_every_subject_goes_to_the_dead_letters() -> Result<()> {
    let (estate, fleet) = fleet(3).await?;
    let context = jetstream::new(fleet.nats.connect().await?);
    let subjects = every_subject();
    for subject in &subjects {
        context
            .publish(subject.clone(), "{ not a message".into())
            .await?
            .await?;
    }
    let dead = context.get_stream("DEAD").await?;
    let letters = letters(&dead, subjects.len()).await?;
    for subject in &subjects {
        let reason = letters
            .get(subject)
            .with_context(|| format!("no letter for {subject}: {letters:?}"))?;
        ensure!(reason.contains(' '), "the reason for {subject} is {reason:?}");
    }
    ensure!(letters["vigilo.order.issuer.bogus"].contains("bogus"), "{letters:?}");
    fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}

fn every_subject() -> Vec<String> {
    let workspace = WorkspaceId::default_workspace();
    let kinds = [
        StepKind::PrepareKey,
        StepKind::Issue,
        StepKind::Deploy,
        StepKind::Verify,
        StepKind::Tidy,
    ];
    let orders = kinds.into_iter().map(subjects::order);
    let reports = kinds.into_iter().map(subjects::report);
    let others = [
        "vigilo.order.issuer.bogus".to_owned(),
        format!("vigilo.request.{workspace}.renew"),
        format!("vigilo.command.{workspace}.renew"),
        format!("vigilo.run.{workspace}.x.failed"),
    ];
    orders.chain(reports).chain(others).collect()
}

/// Subject → reason of so many dead letters, once they are there.
async fn letters(dead: &Stream, expected: usize) -> Result<BTreeMap<String, String>> {
    wait::until_ok("the dead letters", SOON, async || {
        let count = dead.get_info().await?.state.messages;
        let mut letters = BTreeMap::new();
        for sequence in 1..=count {
            let letter = dead.get_raw_message(sequence).await?;
            let header = |name: &str| letter.headers.get(name).map(ToString::to_string);
            letters.insert(
                header("vigilo-subject").context("vigilo-subject")?,
                header("vigilo-reason").context("vigilo-reason")?,
            );
        }
        ensure!(
            letters.len() >= expected,
            "{} of {expected}: {letters:?}",
            letters.len()
        );
        Ok(letters)
    })
    .await
}

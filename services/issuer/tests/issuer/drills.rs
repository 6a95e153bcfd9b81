//! Orders that come twice, and processes that die between any two requests: one certificate at the CA.

use anyhow::{Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bus::{Progress, StepContext, StepHandler};
use domain::run::Checkpoint;
use protocol::order::{IssueSpec, Order};

use crate::world::{World, ctx, drive, issued, rest, save, told};

#[tokio::test]
async fn every_order_carried_out_twice_by_different_processes_is_one_certificate() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["twice.example.org"])?;
    let serial = loop {
        // The ledger takes the first report; the second process has never heard of the order.
        let first = world.issuer()?.carry_out(&order, &ctx()).await.map_err(told)?;
        let second = world.issuer()?.carry_out(&order, &ctx()).await.map_err(told)?;
        match (first, second) {
            (Progress::Resting { checkpoint, .. }, Progress::Resting { .. }) => save(&mut order, checkpoint),
            (Progress::Done(first), Progress::Done(second)) => {
                let (first, second) = (issued(first)?, issued(second)?);
                ensure!(first.chain_pem == second.chain_pem, "the same certificate both times");
                break first.leaf.serial;
            }
            (first, second) => anyhow::bail!("the two went apart: {first:?} and {second:?}"),
        }
    };
    let at_the_ca = world.pebble.issued_certificates().await?;
    ensure!(at_the_ca.len() == 1, "{at_the_ca:?} and {serial}");
    Ok(())
}

#[tokio::test]
async fn the_same_order_at_two_processes_at_once_is_one_certificate() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["race.example.org"])?;
    let issuer = world.issuer()?;
    rest(&issuer, &mut order).await?;
    rest(&issuer, &mut order).await?;
    let (other, our_ctx, other_ctx) = (world.issuer()?, ctx(), ctx());
    let both = tokio::join!(issuer.carry_out(&order, &our_ctx), other.carry_out(&order, &other_ctx));
    for ended in [both.0, both.1] {
        ensure!(matches!(ended.map_err(told)?, Progress::Done(_)));
    }
    ensure!(world.pebble.issued_for("race.example.org").await? == 1);
    Ok(())
}

#[tokio::test]
async fn while_another_process_finalizes_nobody_does_and_when_that_one_has_died_the_order_goes_on() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["claimed.example.org"])?;
    let issuer = world.issuer()?;
    rest(&issuer, &mut order).await?;
    rest(&issuer, &mut order).await?;
    let claim = BASE64_URL_SAFE_NO_PAD.encode(order_url(&order)?);
    ensure!(world.claims.take(&claim).await?, "the other process was first");
    let ctx = ctx();
    let ended = issuer.carry_out(&order, &ctx);
    tokio::pin!(ended);
    tokio::select! {
        early = &mut ended => anyhow::bail!("it went on although the order was claimed: {early:?}"),
        () = has_seen(&ctx, "\"ready\"") => {}
    }
    ensure!(world.pebble.issued_for("claimed.example.org").await? == 0);
    // The dead process's claim ends by itself.
    ensure!(matches!(ended.await.map_err(told)?, Progress::Done(_)));
    ensure!(world.pebble.issued_for("claimed.example.org").await? == 1);
    Ok(())
}

fn order_url(order: &Order<IssueSpec>) -> Result<String> {
    match &order.checkpoint {
        Some(Checkpoint::AcmeOrder(order)) => Ok(order.url.to_string()),
        other => anyhow::bail!("no order is open: {other:?}"),
    }
}

/// Until an answer of the CA has this in it.
async fn has_seen(ctx: &StepContext, part: &str) {
    while !ctx.take_notes().exchange.iter().any(|one| one.response.contains(part)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_process_that_dies_after_any_request_leaves_an_order_that_is_gone_on_with() -> Result<()> {
    let world = World::start().await?;
    let mut key = None;
    for survived in 0..8 {
        let name = format!("dies-after-{survived}.example.org");
        let mut order = world.order(&[&name])?;
        order.spec.account_key.clone_from(&key);
        let issuer = world.issuer()?;
        if key.is_none() {
            rest(&issuer, &mut order).await?;
            key.clone_from(&order.spec.account_key);
        }
        rest(&issuer, &mut order).await?;
        let ctx = ctx();
        tokio::select! {
            biased;
            ended = issuer.carry_out(&order, &ctx) => { ended.map_err(told)?; }
            () = has_exchanged(&ctx, survived) => {}
        }
        drop(issuer);
        drive(&world.issuer()?, &mut order).await?;
        ensure!(world.pebble.issued_for(&name).await? == 1, "{name}");
    }
    Ok(())
}

/// Looks after each turn of the other branch.
async fn has_exchanged(ctx: &StepContext, requests: usize) {
    let mut seen = 0;
    loop {
        seen += ctx.take_notes().exchange.len();
        if seen > requests {
            return;
        }
        tokio::task::yield_now().await;
    }
}

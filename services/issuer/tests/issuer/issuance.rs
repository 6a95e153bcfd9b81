//! The way of a certificate through its three orders.

use anyhow::{Result, ensure};
use bus::{Progress, StepHandler};
use domain::run::{Checkpoint, Product};
use domain::solver::{Receipt, Solver};
use issuer::challenge::Responder;
use issuer::tidy::Tidy;
use protocol::order::{IssueSpec, Order, TidySpec};
use testkit::PebbleOptions;

use crate::world::{World, ctx, drive, issued, rest, tokens_of, told, with_account};

#[tokio::test]
async fn key_order_and_certificate_are_three_orders_each_saved_before_the_next_effect() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = world.order(&["www.example.org", "example.org"])?;

    let ctx_of_key = rest(&issuer, &mut order).await?;
    ensure!(
        matches!(order.checkpoint, Some(Checkpoint::AcmeAccountKey { .. })),
        "the key comes first"
    );
    ensure!(
        ctx_of_key.take_notes().exchange.is_empty(),
        "nothing is asked of the CA before the key is saved"
    );

    rest(&issuer, &mut order).await?;
    let tokens = tokens_of(&order)?;
    ensure!(tokens.len() == 2, "one token for each name: {tokens:?}");
    for token in &tokens {
        ensure!(
            world.tokens.load(token).await?.is_none(),
            "nothing is presented before the order is saved"
        );
    }

    let Progress::Done(product) = issuer.carry_out(&order, &ctx()).await.map_err(told)? else {
        anyhow::bail!("the third order brings the certificate");
    };
    let certificate = issued(product)?;
    ensure!(certificate.leaf.sans.len() == 2, "{:?}", certificate.leaf.sans);
    ensure!(certificate.left.is_empty(), "nothing is left to Tidy");
    for token in &tokens {
        ensure!(world.tokens.load(token).await?.is_none(), "the responses are removed");
    }
    ensure!(
        certificate.chain_pem.matches("BEGIN CERTIFICATE").count() >= 2,
        "leaf and intermediate"
    );
    ensure!(world.pebble.issued_for("www.example.org").await? == 1);
    Ok(())
}

#[tokio::test]
async fn while_another_ca_stands_by_the_certificate_is_asked_for_only_after_that_was_saved() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = with_account(&world, &issuer, &["www.example.org"]).await?;
    order.spec.save_before_finalize = true;
    let bound = |order: &Order<IssueSpec>| order.checkpoint.as_ref().map(Checkpoint::is_binding);

    rest(&issuer, &mut order).await?;
    ensure!(bound(&order) == Some(false), "the order is open, and may be left");
    let left_alone = order.clone();
    rest(&issuer, &mut order).await?;
    ensure!(bound(&order) == Some(true), "every name is proven");
    // A process that has heard of the old order only never asks for the certificate.
    rest(&world.issuer()?, &mut left_alone.clone()).await?;
    ensure!(world.pebble.issued_for("www.example.org").await? == 0);

    drive(&issuer, &mut order).await?;
    ensure!(world.pebble.issued_for("www.example.org").await? == 1);
    Ok(())
}

#[tokio::test]
async fn tidy_removes_the_responses_and_may_be_repeated() -> Result<()> {
    let world = World::start().await?;
    let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA".to_owned();
    let another = Responder::new(world.tokens.clone());
    another.present(&token, "the answer of an issuer that is gone").await?;
    ensure!(
        world.tokens.load(&token).await?.is_some(),
        "any issuer answers until somebody removes it"
    );
    let tidy = Tidy::new(world.authorities()?);
    let order = world.order(&["www.example.org"])?;
    // The second one is of a planner before Tidy orders named the CA.
    for ca in [Some(order.spec.ca.clone()), None] {
        let order = order.clone().with(TidySpec {
            ca,
            solver: Solver::default(),
            left: Receipt::http01(vec![token.clone()]),
        });
        let ended = tidy.carry_out(&order, &ctx()).await.map_err(told)?;
        ensure!(matches!(ended, Progress::Done(Product::Tidied)));
        ensure!(world.tokens.load(&token).await?.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_costs_at_most_2n_plus_6_requests() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let names = ["a.example.org", "b.example.org", "c.example.org", "d.example.org"];
    let mut order = with_account(&world, &issuer, &names).await?;
    let opening = rest(&issuer, &mut order).await?;
    let completing = ctx();
    let ended = issuer.carry_out(&order, &completing).await.map_err(told)?;
    ensure!(matches!(ended, Progress::Done(_)));
    let mut all = opening.take_notes().exchange;
    all.extend(completing.take_notes().exchange);
    let shown: Vec<String> = all
        .iter()
        .map(|one| format!("{} {} {}", one.method, one.url, one.status))
        .collect();
    ensure!(all.len() <= 2 * names.len() + 6, "{} requests: {shown:#?}", all.len());
    Ok(())
}

#[tokio::test]
async fn the_exchange_is_written_down_without_its_secrets() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = world.order(&["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let mut notes = rest(&issuer, &mut order).await?.take_notes();
    let token = tokens_of(&order)?.remove(0);
    let completing = ctx();
    issuer.carry_out(&order, &completing).await.map_err(told)?;
    let last = completing.take_notes();
    notes.exchange.extend(last.exchange);
    let text = serde_json::to_string(&notes.exchange)?;
    for shown in [
        "www.example.org",
        "termsOfServiceAgreed",
        "\\\"csr\\\"",
        "/dir",
        "certificate chain",
    ] {
        ensure!(text.contains(shown), "{shown} must be in {text}");
    }
    for hidden in [
        token.as_str(),
        "\\\"signature\\\"",
        "\\\"protected\\\"",
        "BEGIN CERTIFICATE",
    ] {
        ensure!(!text.contains(hidden), "{hidden} must not be in {text}");
    }
    ensure!(
        last.checks
            .iter()
            .any(|check| check.name == "certificate issued" && check.passed)
    );
    Ok(())
}

#[tokio::test]
async fn many_orders_share_one_new_account() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut first = world.order(&["host-0.example.org"])?;
    rest(&issuer, &mut first).await?;
    let key = first.spec.account_key.clone();
    let orders = (1..=6).map(async |number| {
        let mut order = world.order(&[format!("host-{number}.example.org").as_str()])?;
        order.spec.account_key.clone_from(&key);
        let notes = rest(&issuer, &mut order).await?.take_notes();
        drive(&issuer, &mut order).await?;
        anyhow::Ok(
            notes
                .exchange
                .iter()
                .filter(|one| one.request.contains("termsOfServiceAgreed"))
                .count(),
        )
    });
    let registrations = futures::future::try_join_all(orders).await?;
    ensure!(
        registrations.iter().sum::<usize>() == 1,
        "one registers, the others wait: {registrations:?}"
    );
    ensure!(world.pebble.issued() == 6);
    Ok(())
}

#[tokio::test]
async fn a_ca_that_refuses_many_nonces_gets_its_way() -> Result<()> {
    let options = PebbleOptions {
        nonce_reject_percent: 15,
        ..PebbleOptions::default()
    };
    let world = World::with(options).await?;
    let issuer = world.issuer()?;
    let mut key = None;
    for number in 0..10 {
        let mut order = world.order(&[format!("host-{number}.example.org").as_str()])?;
        order.spec.account_key.clone_from(&key);
        drive(&issuer, &mut order).await?;
        key = order.spec.account_key;
    }
    ensure!(world.pebble.issued() == 10);
    Ok(())
}

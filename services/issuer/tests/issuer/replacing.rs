//! Orders in place of what they renew (RFC 9773 §5), and with a profile, at a real CA.

use anyhow::{Context, Result, ensure};
use bus::StepHandler;
use domain::ari::{CertId, RenewalInfoAnswer};
use domain::run::Mode;
use testkit::PebbleOptions;

use crate::world::{Issuer, World, drive, failure, refusal, rest, told, with_account};

const TAKEN: &str = "the CA took the order as a replacement";

/// Places the order, and says what was noted: its checks and its log.
async fn placed(issuer: &Issuer, order: &mut protocol::order::Order<protocol::order::IssueSpec>) -> Result<String> {
    let notes = rest(issuer, order).await?.take_notes();
    Ok(format!("{:?} {:?}", notes.checks, notes.log))
}

#[tokio::test]
async fn a_certificate_is_replaced_once_and_a_second_time_the_order_is_placed_without() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut first = with_account(&world, &issuer, &["www.example.org"]).await?;
    let predecessor = CertId::of_pem(&drive(&issuer, &mut first).await?.chain_pem)?;

    let renewal = || {
        let mut order = world.order(&["www.example.org"])?;
        order.spec.account_key = first.spec.account_key.clone();
        order.spec.replaces = Some(predecessor.clone());
        anyhow::Ok(order)
    };
    let mut second = renewal()?;
    let noted = placed(&issuer, &mut second).await?;
    ensure!(noted.contains(TAKEN), "{noted}");
    drive(&issuer, &mut second).await?;

    let mut third = renewal()?;
    let noted = placed(&issuer, &mut third).await?;
    ensure!(
        noted.contains("alreadyReplaced") && noted.contains("it is placed without"),
        "{noted}"
    );
    drive(&issuer, &mut third).await?;
    ensure!(world.pebble.issued_for("www.example.org").await? == 3);
    Ok(())
}

#[tokio::test]
async fn what_another_account_got_costs_no_order() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut theirs = with_account(&world, &issuer, &["www.example.org"]).await?;
    let predecessor = CertId::of_pem(&drive(&issuer, &mut theirs).await?.chain_pem)?;
    let mut ours = with_account(&world, &world.issuer()?, &["www.example.org"]).await?;
    ours.spec.replaces = Some(predecessor);
    drive(&issuer, &mut ours).await?;
    ensure!(world.pebble.issued_for("www.example.org").await? == 2);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_says_that_the_ca_lacks_the_profile_and_a_live_order_is_never_placed() -> Result<()> {
    let options = PebbleOptions {
        profiles: vec!["tlsserver".to_owned()],
        ..PebbleOptions::default()
    };
    let world = World::with(options).await?;
    let issuer = world.issuer()?;
    let mut order = with_account(&world, &issuer, &["www.example.org"]).await?;
    order.spec.profile = Some("moonlight".to_owned());
    let failed = failure(refusal(&issuer, &order).await?)?;
    ensure!(failed.code.as_str() == "ISS-0017", "{failed:?}");

    (order.mode, order.spec.csr_pem) = (Mode::DryRun, None);
    let mut checks = issuer
        .rehearse(&order, &crate::world::ctx())
        .await
        .map_err(told)?
        .checks;
    let of_profile = |checks: &[domain::run::Check]| {
        let found = checks.iter().find(|check| check.name == "the CA has the profile");
        found.cloned().context("a check of the profile")
    };
    let cross = of_profile(&checks)?;
    ensure!(
        !cross.passed && cross.evidence.contains("it offers default, tlsserver"),
        "{cross:?}"
    );
    order.spec.profile = Some("tlsserver".to_owned());
    checks = issuer
        .rehearse(&order, &crate::world::ctx())
        .await
        .map_err(told)?
        .checks;
    ensure!(of_profile(&checks)?.passed, "{checks:?}");
    Ok(())
}

#[tokio::test]
async fn the_cas_window_is_asked_for_without_an_account() -> Result<()> {
    let world = World::start().await?;
    let mut order = with_account(&world, &world.issuer()?, &["www.example.org"]).await?;
    let issued = drive(&world.issuer()?, &mut order).await?;
    let certificate = CertId::of_pem(&issued.chain_pem)?;
    let cas = world.authorities()?;
    let ca = world.pebble.directory_url().parse()?;
    let authority = cas.of(&ca)?;
    let answer = authority.renewal_info(&ca, &certificate).await;
    let RenewalInfoAnswer::Suggested { suggestion, retry_at } = &answer else {
        anyhow::bail!("no suggestion but {answer:?}")
    };
    ensure!(suggestion.window.start() > issued.leaf.not_before && suggestion.window.end() < issued.leaf.not_after);
    ensure!(retry_at.is_some(), "Pebble wants to be asked again");
    let unknown = "AAAA.AAAA".parse()?;
    let answer = authority.renewal_info(&ca, &unknown).await;
    ensure!(!matches!(answer, RenewalInfoAnswer::Suggested { .. }), "{answer:?}");
    let elsewhere = "https://elsewhere.example/dir".parse()?;
    let answer = authority.renewal_info(&elsewhere, &certificate).await;
    ensure!(matches!(answer, RenewalInfoAnswer::NotAllowed { .. }), "{answer:?}");
    Ok(())
}

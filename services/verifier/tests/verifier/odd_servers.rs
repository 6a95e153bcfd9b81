//! Servers with one fault each.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use domain::certificate::LookResult;
use domain::disposition::Disposition;
use time::Duration;

use crate::pki::{Ca, today};
use crate::world::{
    HOST, SHORT, asked, ip, order, refused, rehearsed, serve, serve_at, served, silence, verified, verifier,
};

#[tokio::test]
async fn a_chain_without_its_intermediate_is_asked_about() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let address = serve(&new.chain[..1], &new.key_pem).await?;

    let question = asked(&verifier(&ca, SHORT)?, &order(address, Some(&new))).await?;

    assert_eq!(question.code.as_str(), "VER-0005");
    let fault = "certificate 2 of 2 should be \"CN=test intermediate\", but is nothing";
    assert!(question.what.contains(fault), "{}", question.what);
    Ok(())
}

#[tokio::test]
async fn a_chain_with_its_root_behind_it_is_good() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let mut chain = new.chain.clone();
    chain.push(ca.root.clone());
    let address = serve(&chain, &new.key_pem).await?;
    let (snapshots, _) = verified(&verifier(&ca, SHORT)?, &order(address, Some(&new))).await?;
    let seen = served(&snapshots[0])?;
    assert_eq!((seen.chain_fingerprints.len(), seen.protocol.as_str()), (3, "TLSv1_3"));
    assert!(seen.cipher.starts_with("TLS13_"), "{}", seen.cipher);
    Ok(())
}

#[tokio::test]
async fn a_chain_that_ends_before_its_leaf_is_shown_with_its_end() -> Result<()> {
    let ca = Ca::ending(today() + Duration::days(10))?;
    let new = ca.issue(&[HOST], today())?;
    let address = serve(&new.chain, &new.key_pem).await?;

    let (snapshots, checks) = verified(&verifier(&ca, SHORT)?, &order(address, Some(&new))).await?;

    let end = served(&snapshots[0])?
        .chain_end
        .clone()
        .context("the end of the chain")?;
    assert_eq!(end.called, "CN=test intermediate");
    let lasts = checks.iter().find(|check| check.name.contains("lasts as long as"));
    let lasts = lasts.context("the chain's end is judged")?;
    assert!(lasts.advisory && !lasts.passed, "{lasts:?}");
    assert!(lasts.evidence.contains("test intermediate"), "{lasts:?}");
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_is_seen_and_asked_about() -> Result<()> {
    let ca = Ca::new()?;
    let expired = ca.issue_for(&[HOST], today() - Duration::days(91), today() - Duration::days(1))?;
    let address = serve(&expired.chain, &expired.key_pem).await?;
    let verify = verifier(&ca, SHORT)?;

    let question = asked(&verify, &order(address, Some(&expired))).await?;
    assert!(question.what.contains("it expired at"), "{}", question.what);

    let rehearsal = rehearsed(&verify, &order(address, None)).await?;
    let seen = served(&rehearsal.snapshots[0])?;
    assert_eq!(seen.chain_problem.as_deref(), Some("a certificate has expired"));
    assert!(rehearsal.checks.iter().all(|check| check.passed || check.advisory));
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_name_is_asked_about() -> Result<()> {
    let ca = Ca::new()?;
    let other = ca.issue(&["other.example.test"], today())?;
    let address = serve(&other.chain, &other.key_pem).await?;
    let question = asked(&verifier(&ca, SHORT)?, &order(address, Some(&other))).await?;
    assert!(question.what.contains("not www.example.test"), "{}", question.what);
    Ok(())
}

#[tokio::test]
async fn every_address_counts() -> Result<()> {
    let ca = Ca::new()?;
    let (old, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let port = testkit::ports::lease()?.number();
    serve_at(SocketAddr::new(ip(1), port), &new.chain, &new.key_pem).await?;
    serve_at(SocketAddr::new(ip(2), port), &old.chain, &old.key_pem).await?;
    let mut order = order(SocketAddr::new(ip(1), port), Some(&new));
    order.spec.addresses.push(ip(2));

    let question = asked(&verifier(&ca, SHORT)?, &order).await?;

    assert_eq!(question.code.as_str(), "VER-0002");
    assert!(
        question
            .what
            .contains(&format!("127.0.0.2:{port} serves {}", old.leaf())),
        "{}",
        question.what
    );
    assert!(!question.what.contains("127.0.0.1:"), "{}", question.what);
    Ok(())
}

#[tokio::test]
async fn a_closed_port_is_tried_again_later_and_asked_about_in_the_end() -> Result<()> {
    let ca = Ca::new()?;
    let port = testkit::ports::lease()?;
    let mut order = order(
        SocketAddr::new(ip(1), port.number()),
        Some(&ca.issue(&[HOST], today())?),
    );
    let verify = verifier(&ca, SHORT)?;

    let (Disposition::RetryAt(_, failure), checks) = refused(&verify, &order).await? else {
        bail!("a retry was expected");
    };
    assert_eq!(failure.code.as_str(), "VER-0003");
    assert!(
        checks
            .iter()
            .any(|check| !check.passed && check.evidence.contains("no connection")),
        "{checks:?}"
    );

    order.failures = 2;
    let question = asked(&verify, &order).await?;
    assert!(
        question
            .what
            .contains(&format!("127.0.0.1:{}: no connection", port.number())),
        "{}",
        question.what
    );
    Ok(())
}

#[tokio::test]
async fn a_peer_that_never_answers_does_not_hold_the_verifier_up() -> Result<()> {
    let ca = Ca::new()?;
    let mut order = order(silence().await?, Some(&ca.issue(&[HOST], today())?));
    order.failures = 2;
    let verify = verifier(&ca, SHORT)?;

    let question = asked(&verify, &order).await?;
    assert!(
        question.what.contains("it accepts, but no TLS handshake within 700ms"),
        "{}",
        question.what
    );

    let rehearsal = rehearsed(&verify, &order).await?;
    assert!(rehearsal.checks.iter().any(|check| !check.passed && !check.advisory));
    assert!(matches!(rehearsal.snapshots[0].seen, LookResult::Unreachable { .. }));
    Ok(())
}

#[tokio::test]
async fn an_order_that_expects_nothing_or_garbage_fails() -> Result<()> {
    let ca = Ca::new()?;
    let address = SocketAddr::new(ip(1), 9);
    let verify = verifier(&ca, SHORT)?;
    let mut garbage = order(address, Some(&ca.issue(&[HOST], today())?));
    if let Some(expected) = &mut garbage.spec.expected {
        expected.chain_pem = "garbage".to_owned();
    }
    for wrong in [order(address, None), garbage] {
        let (Disposition::Fail(failure), _) = refused(&verify, &wrong).await? else {
            bail!("a failure was expected")
        };
        assert_eq!(failure.code.as_str(), "VER-0001");
    }
    Ok(())
}

//! The common case: a real nginx, before and after its reload.

use std::fs;

use anyhow::Result;
use testkit::{NginxHosts, Serving};

use crate::pki::{Ca, Issued, today};
use crate::world::{HOST, LONG, SHORT, asked, order, rehearsed, served, verified, verifier};

fn install(nginx: &NginxHosts, new: &Issued) -> Result<()> {
    let files = nginx.files(HOST);
    fs::write(&files.chain, new.chain_pem())?;
    fs::write(&files.key, &new.key_pem)?;
    Ok(())
}

#[tokio::test]
async fn the_new_certificate_is_waited_for_until_nginx_serves_it() -> Result<()> {
    let nginx = NginxHosts::start([HOST], Serving::PerHost).await?;
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let (verify, order) = (verifier(&ca, LONG)?, order(nginx.address(), Some(&new)));
    install(&nginx, &new)?;

    // The first looks still see the old one.
    let (verified, reloaded) = tokio::join!(verified(&verify, &order), nginx.reload());

    reloaded?;
    let (snapshots, checks) = verified?;
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    assert_eq!(
        checks.iter().filter(|check| check.advisory).count(),
        1,
        "trust is a hint only"
    );
    let seen = served(&snapshots[0])?;
    assert_eq!(seen.leaf.fingerprint.as_str(), new.leaf().as_str());
    // After a reload the old worker may take a last connection or two: an outside look sees the new one soon.
    testkit::wait::until("nginx to serve the new one to others", LONG, async || {
        let outside = testkit::handshake::served_leaf(nginx.address(), HOST).await.ok()?;
        (outside.sha256_hex == new.leaf().as_str()).then_some(())
    })
    .await?;
    assert_eq!(
        (seen.chain_pem.as_str(), seen.chain_fingerprints.len()),
        (new.chain_pem().as_str(), 2)
    );
    assert!(seen.chain_trusted && seen.chain_problem.is_none());
    assert_eq!(
        (seen.protocol.as_str(), snapshots[0].dialled),
        ("TLSv1_2", nginx.address())
    );
    assert!(seen.cipher.starts_with("TLS_ECDHE_"), "{}", seen.cipher);
    Ok(())
}

#[tokio::test]
async fn an_nginx_that_was_not_reloaded_is_asked_about_with_what_it_serves_instead() -> Result<()> {
    let nginx = NginxHosts::start([HOST], Serving::PerHost).await?;
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let old = testkit::handshake::served_leaf(nginx.address(), HOST).await?.sha256_hex;
    install(&nginx, &new)?;

    let question = asked(&verifier(&ca, SHORT)?, &order(nginx.address(), Some(&new))).await?;

    assert_eq!(question.code.as_str(), "VER-0002");
    let instead = format!(
        "{} serves {old} (CN=old certificate of the testkit, good until 2",
        nginx.address()
    );
    assert!(question.what.contains(&instead), "{}", question.what);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_takes_the_snapshot_of_today() -> Result<()> {
    let nginx = NginxHosts::start([HOST], Serving::PerHost).await?;

    let rehearsal = rehearsed(&verifier(&Ca::new()?, SHORT)?, &order(nginx.address(), None)).await?;

    let today = served(&rehearsal.snapshots[0])?;
    assert_eq!(
        (today.leaf.sans.as_slice(), today.chain_trusted),
        ([HOST.to_owned()].as_slice(), false)
    );
    let crosses: Vec<_> = rehearsal.checks.iter().filter(|check| !check.passed).collect();
    assert!(
        crosses.len() == 1 && crosses[0].advisory,
        "self-signed is a hint only: {crosses:?}"
    );
    Ok(())
}

//! Several targets of one host: each is looked at where it answers, and the error says which is broken.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use domain::disposition::Disposition;
use protocol::order::Order;
use verifier::handler::Verify;

use crate::pki::{Ca, Issued, today};
use crate::world::{HOST, SHORT, asked, ip, order, refused, rehearsed, serve, verified, verifier};

/// A CA, what its host served before, and what was issued now.
fn renewal() -> Result<(Ca, Issued, Issued)> {
    let ca = Ca::new()?;
    let (old, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    Ok((ca, old, new))
}

async fn serving(one: &Issued) -> Result<SocketAddr> {
    serve(&one.chain, &one.key_pem).await
}

#[tokio::test]
async fn every_endpoint_is_looked_at_once_beside_the_host() -> Result<()> {
    let (ca, _, new) = renewal()?;
    let (host, own) = (serving(&new).await?, serving(&new).await?);
    let mut order = order(host, Some(&new));
    order.spec.endpoints = vec![own, own];

    let (snapshots, checks) = verified(&verifier(&ca, SHORT)?, &order).await?;

    let mut dialled: Vec<_> = snapshots.iter().map(|snapshot| snapshot.dialled).collect();
    dialled.sort_unstable();
    let mut expected = vec![host, own];
    expected.sort_unstable();
    assert_eq!(dialled, expected);
    assert!(checks.iter().any(|check| check.name.contains(&own.to_string())));
    Ok(())
}

#[tokio::test]
async fn the_error_says_at_which_endpoint_it_was_seen() -> Result<()> {
    let (ca, old, new) = renewal()?;
    let (host, good, bad) = (serving(&new).await?, serving(&new).await?, serving(&old).await?);
    let mut order = order(host, Some(&new));
    order.spec.endpoints = vec![good, bad];

    let question = asked(&verifier(&ca, SHORT)?, &order).await?;

    assert_eq!((question.code.as_str(), question.seen_at), ("VER-0002", vec![bad]));
    Ok(())
}

/// A missing intermediate here and the old certificate there: both are surely wrong, and both are named.
#[tokio::test]
async fn all_that_is_surely_wrong_is_named_but_not_what_is_only_silent() -> Result<()> {
    let (ca, old, new) = renewal()?;
    let (faulty, other) = (serve(&new.chain[..1], &new.key_pem).await?, serving(&old).await?);
    let closed = testkit::ports::lease()?;
    let silent = SocketAddr::new(ip(1), closed.number());
    let mut order = order(silent, Some(&new));
    order.spec.endpoints = vec![faulty, other];

    let mut question = asked(&verifier(&ca, SHORT)?, &order).await?;

    question.seen_at.sort_unstable();
    let mut expected = vec![faulty, other];
    expected.sort_unstable();
    assert_eq!(question.seen_at, expected);
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_is_silent_is_named_when_nothing_is_wrong_elsewhere() -> Result<()> {
    let (ca, _, new) = renewal()?;
    let closed = testkit::ports::lease()?;
    let silent = SocketAddr::new(ip(1), closed.number());
    let mut order = order(serving(&new).await?, Some(&new));
    order.spec.endpoints = vec![silent];

    let (Disposition::RetryAt(_, failure), _) = refused(&verifier(&ca, SHORT)?, &order).await? else {
        bail!("a retry was expected")
    };
    assert_eq!((failure.code.as_str(), failure.seen_at), ("VER-0003", vec![silent]));
    Ok(())
}

/// What the host serves and whether it is the new one, while other targets are not deployed yet.
async fn partly(verify: &Verify, order: &Order<protocol::order::VerifySpec>) -> Result<()> {
    let (_, checks) = verified(verify, order).await?;
    let host = SocketAddr::new(order.spec.addresses[0], order.spec.port).to_string();
    let hints: Vec<_> = checks.iter().filter(|check| check.name.contains(&host)).collect();
    assert!(
        !hints.is_empty() && hints.iter().all(|check| check.advisory),
        "{hints:?}"
    );
    assert!(hints.iter().any(|check| !check.passed), "{hints:?}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_is_deployed_in_part_may_serve_what_was_there_before() -> Result<()> {
    let (ca, old, new) = renewal()?;
    let verify = verifier(&ca, SHORT)?;
    let mut order = order(serving(&old).await?, Some(&new));
    order.spec.partial = true;
    partly(&verify, &order).await?;
    order.spec.endpoints = vec![serving(&new).await?];
    partly(&verify, &order).await?;

    // The endpoint of what is deployed counts all the same.
    order.spec.endpoints = vec![serving(&old).await?];
    let question = asked(&verify, &order).await?;
    assert_eq!(question.seen_at, order.spec.endpoints);
    Ok(())
}

#[tokio::test]
async fn a_host_that_is_deployed_in_part_may_be_silent_or_unknown() -> Result<()> {
    let (ca, _, new) = renewal()?;
    let verify = verifier(&ca, SHORT)?;
    let closed = testkit::ports::lease()?;
    let mut order = order(SocketAddr::new(ip(1), closed.number()), Some(&new));
    order.spec.partial = true;
    order.spec.endpoints = vec![serving(&new).await?];
    partly(&verify, &order).await?;

    order.hostname = "does-not-exist.invalid".parse()?;
    order.spec.addresses.clear();
    order.spec.names.clear();
    let question = asked(&verify, &order).await?;
    assert_eq!(
        question.code.as_str(),
        "VER-0005",
        "the name is not covered; DNS is no matter"
    );
    Ok(())
}

/// A host address that is an endpoint too counts.
#[tokio::test]
async fn an_endpoint_among_the_hosts_addresses_is_no_hint() -> Result<()> {
    let (ca, old, new) = renewal()?;
    let at = serving(&old).await?;
    let mut order = order(at, Some(&new));
    order.spec.partial = true;
    order.spec.endpoints = vec![at];
    assert_eq!(asked(&verifier(&ca, SHORT)?, &order).await?.seen_at, vec![at]);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_looks_at_the_endpoints_too() -> Result<()> {
    let (ca, old, _) = renewal()?;
    let closed = testkit::ports::lease()?;
    let silent = SocketAddr::new(ip(1), closed.number());
    let mut order = order(serving(&old).await?, None);
    order.spec.endpoints = vec![silent];

    let rehearsal = rehearsed(&verifier(&ca, SHORT)?, &order).await?;

    assert_eq!(rehearsal.snapshots.len(), 2);
    let cross = rehearsal.checks.iter().find(|check| !check.passed);
    assert!(
        cross.is_some_and(|check| check.name == format!("{silent} answers")),
        "{cross:?}"
    );
    Ok(())
}

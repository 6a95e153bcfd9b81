//! Addresses with several servers behind them, and addresses that cannot be seen.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use bus::StepHandler;
use domain::certificate::Snapshot;
use domain::disposition::Disposition;

use crate::pki::{Ca, today};
use crate::world::{
    HOST, LONG, SHORT, asked, black_hole, context, impatient, ip, order, refused, rehearsed, serve, serve_at,
    serve_by_turns, served, short_sighted, verified, verifier,
};

/// Enough for more than twelve looks, too short for the whole patience of a person.
const SOME: std::time::Duration = std::time::Duration::from_millis(900);

fn extent(snapshots: &[Snapshot]) -> Vec<String> {
    snapshots.iter().map(Snapshot::extent).collect()
}

#[tokio::test]
async fn one_server_of_two_that_kept_the_old_certificate_is_found_and_asked_about() -> Result<()> {
    let ca = Ca::new()?;
    let (old, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let balancer = serve_by_turns(&[&new, &old]).await?;
    let (verify, order) = (verifier(&ca, SOME)?, order(balancer, Some(&new)));

    let ctx = context();
    let error = verify.carry_out(&order, &ctx).await.expect_err("half of it is old");
    let notes = ctx.take_notes();

    let Disposition::NeedsHuman(question) = error.disposition else {
        bail!("a question was expected, not {error:?}")
    };
    assert_eq!(
        (question.code.as_str(), question.seen_at.as_slice()),
        ("VER-0007", &[balancer][..])
    );
    assert!(question.keep_installed, "nothing is put back");
    for said in [old.leaf().to_string(), new.leaf().to_string(), "2 leaves".to_owned()] {
        assert!(question.what.contains(&said), "{said}: {}", question.what);
    }
    let snapshot = &notes.snapshots[0];
    assert!(snapshot.is_mixed() && snapshot.looks >= 4, "{}", snapshot.extent());
    assert_eq!(snapshot.others.len(), 1);
    let cross = notes.checks.iter().find(|check| !check.passed && !check.advisory);
    assert!(
        cross.is_some_and(|check| check.evidence.contains("2 leaves")),
        "{cross:?}"
    );
    Ok(())
}

/// What ends first is what the snapshot is of: the visitor who gets it is the one in trouble.
#[tokio::test]
async fn the_leaf_that_ends_first_stands_for_a_mixed_address() -> Result<()> {
    let ca = Ca::new()?;
    let until = |days| {
        ca.issue_for(
            &[HOST],
            today() - time::Duration::days(60),
            today() + time::Duration::days(days),
        )
    };
    let (expired, good) = (until(-1)?, until(30)?);
    let balancer = serve_by_turns(&[&good, &expired, &good]).await?;

    let rehearsal = rehearsed(&verifier(&ca, LONG)?, &order(balancer, None)).await?;

    let snapshot = &rehearsal.snapshots[0];
    assert_eq!(snapshot.extent(), "12 looks, 2 leaves");
    assert_eq!(served(snapshot)?.leaf.fingerprint, expired.leaf());
    assert_eq!(snapshot.others[0].fingerprint, good.leaf());
    assert!(
        rehearsal
            .checks
            .iter()
            .any(|check| !check.passed && check.evidence.contains("12 looks, 2 leaves")),
        "{:?}",
        rehearsal.checks
    );
    Ok(())
}

#[tokio::test]
async fn a_good_address_is_looked_at_three_times_and_twelve_times_where_it_was_mixed() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let address = serve(&new.chain, &new.key_pem).await?;
    let (verify, mut order) = (verifier(&ca, LONG)?, order(address, Some(&new)));

    let (snapshots, checks) = verified(&verify, &order).await?;
    assert_eq!(extent(&snapshots), ["3 looks, 1 leaf"]);
    assert!(checks[0].evidence.ends_with("3 looks, 1 leaf"), "{checks:?}");

    order.spec.was_mixed = true;
    let (snapshots, _) = verified(&verify, &order).await?;
    assert_eq!(extent(&snapshots), ["12 looks, 1 leaf"]);
    Ok(())
}

/// A mix at one address forbids the way back of what is surely wrong at another, too.
#[tokio::test]
async fn a_mixed_address_is_asked_about_before_what_is_wrong_elsewhere() -> Result<()> {
    let ca = Ca::new()?;
    let (old, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let mut order = order(serve_by_turns(&[&old, &new]).await?, Some(&new));
    order.spec.endpoints = vec![serve(&old.chain, &old.key_pem).await?];
    let question = asked(&verifier(&ca, SOME)?, &order).await?;
    assert_eq!((question.code.as_str(), question.keep_installed), ("VER-0007", true));
    Ok(())
}

#[tokio::test]
async fn an_address_that_cannot_be_seen_is_named_and_holds_nothing_up_where_another_serves_the_new_one() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let port = testkit::ports::lease()?.number();
    serve_at(SocketAddr::new(ip(1), port), &new.chain, &new.key_pem).await?;
    let mut order = order(SocketAddr::new(ip(1), port), Some(&new));
    order.spec.addresses.push(ip(2));
    let verify = short_sighted(&ca, ip(1))?;

    let (snapshots, checks) = verified(&verify, &order).await?;

    assert_eq!(snapshots.len(), 2, "it is kept what could not be seen");
    let unseen = format!("127.0.0.2:{port} answers");
    let named = checks.iter().find(|check| check.name == unseen);
    assert!(
        named.is_some_and(|check| !check.passed && check.advisory && check.evidence.contains("from this verifier")),
        "{named:?}"
    );
    let rehearsal = rehearsed(&verify, &order).await?;
    assert!(rehearsal.checks.iter().all(|check| check.passed || check.advisory));
    Ok(())
}

#[tokio::test]
async fn where_nothing_can_be_seen_it_is_said_so_and_nothing_is_put_back() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let at = SocketAddr::new(ip(2), 443);
    let verify = short_sighted(&ca, ip(1))?;
    let mut order = order(at, Some(&new));

    let (Disposition::RetryAt(_, failure), _) = refused(&verify, &order).await? else {
        bail!("a retry was expected")
    };
    assert_eq!((failure.code.as_str(), failure.keep_installed), ("VER-0008", true));

    order.failures = 2;
    let question = asked(&verify, &order).await?;
    assert_eq!((question.code.as_str(), question.keep_installed), ("VER-0008", true));
    assert!(
        question.what.contains("cannot be seen from this verifier"),
        "{}",
        question.what
    );

    let rehearsal = rehearsed(&verify, &order).await?;
    assert!(rehearsal.checks.iter().any(|check| !check.passed && !check.advisory));
    Ok(())
}

/// A firewall drops what goes to one address: that is no reason to take a certificate away that another one serves.
#[tokio::test]
async fn an_address_that_answers_no_connection_is_named_and_holds_nothing_up_where_another_serves_the_new_one()
-> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let port = testkit::ports::lease()?.number();
    serve_at(SocketAddr::new(ip(1), port), &new.chain, &new.key_pem).await?;
    let _dropped = black_hole(SocketAddr::new(ip(2), port)).await?;
    let mut order = order(SocketAddr::new(ip(1), port), Some(&new));
    order.spec.addresses.push(ip(2));
    let verify = impatient(&ca)?;

    let (_, checks) = verified(&verify, &order).await?;

    let named = checks
        .iter()
        .find(|check| check.name == format!("127.0.0.2:{port} answers"));
    assert!(
        named.is_some_and(|check| !check.passed && check.advisory && check.evidence.contains("no connection within")),
        "{named:?}"
    );
    let rehearsal = rehearsed(&verify, &order).await?;
    assert!(rehearsal.checks.iter().all(|check| check.passed || check.advisory));

    // Alone it is a question in the end, and nothing is put back.
    order.spec.addresses = vec![ip(2)];
    order.failures = 2;
    let question = asked(&verify, &order).await?;
    assert_eq!(
        (question.code.as_str(), question.keep_installed, question.seen_at),
        ("VER-0003", true, vec![SocketAddr::new(ip(2), port)])
    );
    Ok(())
}

/// What is wrong where it can be seen is wrong, whatever else cannot be seen.
#[tokio::test]
async fn an_address_that_cannot_be_seen_hides_no_address_that_serves_another_certificate() -> Result<()> {
    let ca = Ca::new()?;
    let (old, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let port = testkit::ports::lease()?.number();
    serve_at(SocketAddr::new(ip(1), port), &old.chain, &old.key_pem).await?;
    let _dropped = black_hole(SocketAddr::new(ip(2), port)).await?;
    let mut order = order(SocketAddr::new(ip(1), port), Some(&new));
    order.spec.addresses.push(ip(2));

    let question = asked(&impatient(&ca)?, &order).await?;

    assert_eq!(
        (question.code.as_str(), question.seen_at),
        ("VER-0002", vec![SocketAddr::new(ip(1), port)])
    );
    Ok(())
}

/// The server refuses every look: it may have crashed over what it was given.
#[tokio::test]
async fn a_port_that_is_closed_in_every_look_may_be_a_reason_to_put_back() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let port = testkit::ports::lease()?.number();
    let closed = order(SocketAddr::new(ip(1), port), Some(&new));
    let (Disposition::RetryAt(_, failure), _) = refused(&verifier(&ca, SHORT)?, &closed).await? else {
        bail!("a retry was expected")
    };
    assert_eq!((failure.code.as_str(), failure.keep_installed), ("VER-0003", false));
    Ok(())
}

/// A chain that lacks its intermediate at one of two servers.
#[tokio::test]
async fn chains_that_differ_from_look_to_look_are_mixed_too() -> Result<()> {
    let ca = Ca::new()?;
    let new = ca.issue(&[HOST], today())?;
    let bare = crate::pki::Issued {
        chain: vec![new.chain[0].clone()],
        key_pem: new.key_pem.clone(),
    };
    let balancer = serve_by_turns(&[&new, &bare]).await?;
    let question = asked(&verifier(&ca, LONG)?, &order(balancer, Some(&new))).await?;
    assert_eq!((question.code.as_str(), question.keep_installed), ("VER-0007", true));
    assert!(question.what.contains("2 different chains"), "{}", question.what);
    Ok(())
}

/// The old worker takes the first connections, the new one reads a wrong file: what is wrong now counts, and is put back.
#[tokio::test]
async fn a_reload_that_ends_at_another_certificate_is_no_mix() -> Result<()> {
    let ca = Ca::new()?;
    let issue = || ca.issue(&[HOST], today());
    let (former, wrong, new) = (issue()?, issue()?, issue()?);
    let mut in_order = vec![&former, &former];
    in_order.extend(std::iter::repeat_n(&wrong, 100));
    let server = serve_by_turns(&in_order).await?;

    let question = asked(&verifier(&ca, SOME)?, &order(server, Some(&new))).await?;

    assert_eq!((question.code.as_str(), question.keep_installed), ("VER-0002", false));
    let said = format!("serves {}", wrong.leaf());
    assert!(
        question.what.contains(&said) && !question.what.contains(former.leaf().as_str()),
        "{}",
        question.what
    );
    Ok(())
}

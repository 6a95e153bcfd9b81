//! The look after a rollback.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use bus::{Progress, StepError, StepHandler};
use domain::certificate::{Fingerprint, Snapshot};
use domain::disposition::Disposition;
use domain::run::{Mode, Product, Step};
use protocol::order::{ConfirmSpec, Order};
use testkit::{NginxHosts, Serving};
use verifier::confirm::Confirm;

use crate::pki::{Ca, Issued, today};
use crate::world::{HOST, LONG, SHORT, confirmer, context, ip, order, serve, serve_at, served};

/// Who shall serve one of these leaves: the host, when it has an address, and the endpoints.
fn shall_serve(leaves: &[Fingerprint], host: Option<SocketAddr>, endpoints: &[SocketAddr]) -> Order<ConfirmSpec> {
    let at = host.unwrap_or_else(|| SocketAddr::new(ip(1), 1));
    let spec = ConfirmSpec {
        port: at.port(),
        addresses: vec![at.ip()],
        at_host: host.is_some(),
        endpoints: endpoints.to_vec(),
        except: Vec::new(),
        leaves: leaves.to_vec(),
    };
    Order {
        step: Step::Confirm,
        mode: Mode::Live,
        ..order(at, None).with(spec)
    }
}

/// What was confirmed, or what became of it; with what was seen.
async fn confirmed(confirm: &Confirm, order: &Order<ConfirmSpec>) -> Result<(Option<Disposition>, Vec<Snapshot>)> {
    let ctx = context();
    match confirm.carry_out(order, &ctx).await {
        Ok(Progress::Done(Product::Confirmed(seen))) => Ok((None, seen.snapshots)),
        Err(StepError { disposition, .. }) => Ok((Some(disposition), ctx.take_notes().snapshots)),
        other => bail!("no answer to a confirmation: {other:?}"),
    }
}

async fn serving(one: &Issued) -> Result<SocketAddr> {
    serve(&one.chain, &one.key_pem).await
}

#[tokio::test]
async fn nginx_is_waited_for_until_it_serves_the_former_again() -> Result<()> {
    let nginx = NginxHosts::start([HOST], Serving::PerHost).await?;
    let (files, former) = (nginx.files(HOST), Ca::new()?.issue(&[HOST], today())?);
    std::fs::write(&files.chain, former.chain_pem())?;
    std::fs::write(&files.key, &former.key_pem)?;
    let order = shall_serve(&[former.leaf()], Some(nginx.address()), &[]);

    let confirm = confirmer(LONG)?;
    let (ended, reloaded) = tokio::join!(confirmed(&confirm, &order), nginx.reload());

    reloaded?;
    let (ended, snapshots) = ended?;
    assert_eq!(ended, None);
    assert_eq!(served(&snapshots[0])?.leaf.fingerprint, former.leaf());
    Ok(())
}

/// Two targets that had certificates of their own: each has one of them again.
#[tokio::test]
async fn each_place_serves_one_of_the_former_ones() -> Result<()> {
    let ca = Ca::new()?;
    let (one, other) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let endpoints = [serving(&one).await?, serving(&other).await?];
    let order = shall_serve(&[one.leaf(), other.leaf()], None, &endpoints);
    let (ended, snapshots) = confirmed(&confirmer(SHORT)?, &order).await?;
    assert_eq!((ended, snapshots.len()), (None, 2));
    Ok(())
}

/// One of the host's addresses is that of a target which keeps the new certificate.
#[tokio::test]
async fn what_was_not_put_back_need_not_serve_the_former() -> Result<()> {
    let ca = Ca::new()?;
    let (former, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let port = testkit::ports::lease()?.number();
    let [back, kept] = [1, 2].map(|last| SocketAddr::new(ip(last), port));
    serve_at(back, &former.chain, &former.key_pem).await?;
    serve_at(kept, &new.chain, &new.key_pem).await?;
    let mut order = shall_serve(&[former.leaf()], Some(back), &[]);
    order.spec.addresses.push(kept.ip());
    assert!(confirmed(&confirmer(SHORT)?, &order).await?.0.is_some());

    order.spec.except = vec![kept];

    let (ended, snapshots) = confirmed(&confirmer(SHORT)?, &order).await?;
    assert_eq!((ended, snapshots.len()), (None, 1));
    Ok(())
}

#[tokio::test]
async fn another_certificate_is_asked_about_with_its_place_and_what_was_seen() -> Result<()> {
    let ca = Ca::new()?;
    let (former, new) = (ca.issue(&[HOST], today())?, ca.issue(&[HOST], today())?);
    let (good, bad) = (serving(&former).await?, serving(&new).await?);
    let order = shall_serve(&[former.leaf()], Some(good), &[bad]);

    let (Some(Disposition::NeedsHuman(question)), snapshots) = confirmed(&confirmer(SHORT)?, &order).await? else {
        bail!("a question was expected")
    };

    assert_eq!((question.code.as_str(), question.seen_at), ("VER-0006", vec![bad]));
    assert!(
        question.what.contains(&format!("{bad} serves {}", new.leaf())),
        "{}",
        question.what
    );
    assert_eq!(snapshots.len(), 2, "what was seen is kept");
    Ok(())
}

#[tokio::test]
async fn a_silent_place_is_tried_again() -> Result<()> {
    let closed = testkit::ports::lease()?;
    let silent = SocketAddr::new(ip(1), closed.number());
    let order = shall_serve(&[Fingerprint::of(b"former")], None, &[silent]);
    let (Some(Disposition::RetryAt(_, failure)), _) = confirmed(&confirmer(SHORT)?, &order).await? else {
        bail!("a retry was expected")
    };
    assert_eq!((failure.code.as_str(), failure.seen_at), ("VER-0003", vec![silent]));
    Ok(())
}

#[tokio::test]
async fn an_order_that_names_no_leaf_or_no_place_fails() -> Result<()> {
    let at = SocketAddr::new(ip(1), 9);
    for order in [
        shall_serve(&[], Some(at), &[]),
        shall_serve(&[Fingerprint::of(b"former")], None, &[]),
    ] {
        let (Some(Disposition::Fail(failure)), _) = confirmed(&confirmer(SHORT)?, &order).await? else {
            bail!("a failure was expected")
        };
        assert_eq!(failure.code.as_str(), "VER-0001");
    }
    Ok(())
}

//! A CA that speaks ACME and behaves oddly: one certificate for a step, the right words, and never more requests than needed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::{StepContext, StepHandler};
use domain::ari::CertId;
use domain::cause::Cause;
use domain::disposition::FurtherAnswer;
use issuer::{Config, DirectoryConfig};
use protocol::order::{IssueSpec, Order};
use serde_json::json;
use testkit::faulty_ca::{Chain, Fault, FaultPoint, RetryAfter, Reused};

use crate::liar::Liar;
use crate::world::{ctx, drive, question, refusal, rest, retry, tokens_of, told};

#[tokio::test]
async fn whatever_comes_as_the_chain_the_same_certificate_is_downloaded_again() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let page = |status: u16| Fault::Page {
        status,
        body: "<html>\r\n<title>Sign in\0 to the portal</title>".to_owned(),
    };
    let gone = Fault::Problem {
        status: 404,
        body: json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "no such certificate"}),
    };
    let mut order = liar.order(&issuer, &["page.example.org"]).await?;
    rest(&issuer, &mut order).await?;
    for (fault, says) in [
        (page(200), "<html> <title>Sign in to the portal</title>"),
        (page(404), "<html> <title>Sign in to the portal</title>"),
        (page(200), "no certificate chain"),
        (gone, "no such certificate"),
    ] {
        liar.ca.misbehave(FaultPoint::Certificate, &fault, 1);
        let error = refusal(&liar.issuer().await?, &order).await?;
        ensure!(!error.forget_checkpoint, "{fault:?}: the order has its certificate");
        let (_, why) = retry(error)?;
        ensure!(why.code.as_str() == "ISS-0019" && why.what.contains(says), "{why:?}");
    }
    let issued = drive(&issuer, &mut order).await?;
    ensure!(issued.leaf.sans == ["page.example.org"]);
    ensure!(
        liar.ca.issued() == 1 && liar.ca.orders() == 1,
        "{} issued",
        liar.ca.issued()
    );
    Ok(())
}

#[tokio::test]
async fn only_a_wrong_certificate_is_a_new_order() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    liar.ca.deliver(Chain::OtherKey);
    let mut order = liar.order(&issuer, &["wrong.example.org"]).await?;
    rest(&issuer, &mut order).await?;
    let error = refusal(&issuer, &order).await?;
    ensure!(error.forget_checkpoint && question(error)?.code.as_str() == "ISS-0012");
    liar.ca.deliver(Chain::Good);
    order.checkpoint = None;
    drive(&issuer, &mut order).await?;
    ensure!(liar.ca.issued() == 2);
    Ok(())
}

#[tokio::test]
async fn an_order_that_begins_with_a_dead_authorization_is_over_at_the_first_look() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let (good, dead) = ("good.example.org", "dead.example.org");
    liar.ca.reuse_authorization(good, Some(Reused::Valid));
    for (state, says) in [
        (Reused::Invalid, "dead.example.org: nobody answered then (connection)"),
        (Reused::Deactivated, "is deactivated"),
        (Reused::Expired, "is expired"),
    ] {
        liar.ca.reuse_authorization(dead, Some(state));
        let mut order = liar.order(&issuer, &[good, dead]).await?;
        let polls = liar.ca.requests(FaultPoint::Order);
        let error = refusal(&issuer, &order).await?;
        ensure!(error.forget_checkpoint, "{state:?}: nothing can come of this order");
        let asked = question(error)?;
        ensure!(asked.code.as_str() == "ISS-0007", "{asked:?}");
        ensure!(asked.what.contains(says) && asked.what.contains(dead), "{asked:?}");
        ensure!(!asked.what.contains(good), "only what is dead is named: {asked:?}");
        ensure!(
            liar.ca.requests(FaultPoint::Order) == polls,
            "{state:?}: it was not polled"
        );

        // Resume: a new order, for which the CA makes a new authorization.
        liar.ca.reuse_authorization(dead, None);
        let before = liar.ca.orders();
        drive(&issuer, &mut order).await?;
        ensure!(liar.ca.orders() == before + 1);
    }
    ensure!(liar.ca.issued_for(dead) == 3);
    Ok(())
}

#[tokio::test]
async fn whatever_is_said_to_a_predecessor_the_order_is_placed_once_without() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    liar.ca.offer_renewal_info("{}", None);
    let mut first = liar.order(&issuer, &["www.example.org"]).await?;
    let predecessor = CertId::of_pem(&drive(&issuer, &mut first).await?.chain_pem)?;
    let renewal = async || -> Result<Order<IssueSpec>> {
        let mut order = liar.order(&issuer, &["www.example.org"]).await?;
        order.spec.account_key = first.spec.account_key.clone();
        order.spec.replaces = Some(predecessor.clone());
        Ok(order)
    };
    for status in [500, 400, 404, 403] {
        liar.ca.refuse_predecessors(status);
        let mut order = renewal().await?;
        let before = liar.ca.requests(FaultPoint::NewOrder);
        let noted = rest(&issuer, &mut order).await?.take_notes();
        ensure!(
            liar.ca.requests(FaultPoint::NewOrder) == before + 2,
            "{status}: once with, once without"
        );
        ensure!(
            format!("{:?}", noted.log).contains("it is placed without"),
            "{:?}",
            noted.log
        );
        drive(&issuer, &mut order).await?;
    }
    for fault in [Fault::BreakOff, Fault::Internal] {
        liar.ca.misbehave(FaultPoint::NewOrder, &fault, 1);
        let before = liar.ca.requests(FaultPoint::NewOrder);
        liar.ca.refuse_predecessors(500);
        rest(&issuer, &mut renewal().await?)
            .await
            .with_context(|| format!("{fault:?}"))?;
        ensure!(liar.ca.requests(FaultPoint::NewOrder) == before + 2, "{fault:?}");
    }
    ensure!(liar.ca.replaced().iter().all(Option::is_none));
    Ok(())
}

#[tokio::test]
async fn a_ca_without_renewal_information_is_not_warned_about() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    order.spec.replaces = Some("AAAA.AAAA".parse()?);
    let noted = rest(&issuer, &mut order).await?.take_notes();
    let warned = format!("{:?}", noted.log);
    ensure!(!warned.contains("Warn") && !warned.contains("replac"), "{warned}");
    ensure!(liar.ca.requests(FaultPoint::NewOrder) == 1);
    Ok(())
}

#[tokio::test]
async fn an_order_that_is_silent_about_its_predecessor_is_gone_on_with() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    liar.ca.offer_renewal_info("{}", None);
    liar.ca.keep_silent_about_predecessors();
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    order.spec.replaces = Some("AAAA.AAAA".parse()?);
    drive(&issuer, &mut order).await?;
    ensure!(
        liar.ca.orders() == 1 && liar.ca.issued() == 1,
        "{} orders",
        liar.ca.orders()
    );
    Ok(())
}

#[tokio::test]
async fn an_account_that_the_ca_refuses_is_a_question_with_the_way_to_a_new_one_and_a_reason_for_another_ca()
-> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let mut first = liar.order(&issuer, &["first.example.org"]).await?;
    drive(&issuer, &mut first).await?;
    liar.ca.deactivate_accounts();
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    order.spec.account_key.clone_from(&first.spec.account_key);
    for process in [issuer, liar.issuer().await?] {
        let error = refusal(&process, &order).await?;
        ensure!(
            error.cause().is_some_and(Cause::is_of_this_ca_alone),
            "a fallback is asked"
        );
        let asked = question(error)?;
        ensure!(
            asked.code.as_str() == "ISS-0010" && asked.what.contains("deactivated"),
            "{asked:?}"
        );
        ensure!(asked.hint.contains("--new-account"), "{asked:?}");
        ensure!(asked.further == [FurtherAnswer::NewAccount], "{asked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn relative_addresses_are_resolved_and_followed_to_the_certificate() -> Result<()> {
    let liar = Liar::start().await?;
    liar.ca.write_relative_urls();
    let issuer = liar.issuer().await?;
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    drive(&issuer, &mut order).await?;
    ensure!(liar.ca.issued() == 1);
    Ok(())
}

#[tokio::test]
async fn a_moved_directory_says_where_to() -> Result<()> {
    let liar = Liar::start().await?;
    for to in ["https://new.example/acme/directory", "/acme/v2"] {
        let fault = Fault::Moved { to: to.to_owned() };
        liar.ca.misbehave(FaultPoint::Directory, &fault, 1);
        let issuer = liar.issuer().await?;
        let order = liar.order(&issuer, &["www.example.org"]).await?;
        let asked = question(refusal(&issuer, &order).await?)?;
        ensure!(asked.code.as_str() == "ISS-0002", "{asked:?}");
        ensure!(asked.what.contains(to) && asked.hint.contains(to), "{asked:?}");
    }
    Ok(())
}

/// The line that a question prints is put into the configuration as it is, and the configuration is taken.
#[tokio::test]
async fn the_line_that_allows_another_origin_is_taken_as_it_is_printed() -> Result<()> {
    let liar = Liar::start().await?;
    let elsewhere = Fault::Problem {
        status: 200,
        body: json!({
            "newNonce": "https://other.example:9443/nonce", "newAccount": "https://other.example:9443/account",
            "newOrder": "https://other.example:9443/order",
        }),
    };
    liar.ca.misbehave(FaultPoint::Directory, &elsewhere, 1);
    let issuer = liar.issuer().await?;
    let order = liar.order(&issuer, &["www.example.org"]).await?;
    let asked = question(refusal(&issuer, &order).await?)?;
    let (_, line) = asked.what.rsplit_once("issuer.directories: ").context("a line")?;
    let file = std::env::temp_dir().join(format!("lies-{}.toml", std::process::id()));
    std::fs::write(
        &file,
        format!("[[directories]]\nurl = \"{}\"\n{line}\n", liar.ca.directory_url()),
    )?;
    let config: Config = chassis::config::read(Some(&file))?;
    std::fs::remove_file(&file)?;
    config.check()?;
    let directory: &DirectoryConfig = &config.directories[0];
    ensure!(
        directory.extra_origins == ["https://other.example:9443".parse()?],
        "{line}"
    );
    Ok(())
}

#[tokio::test]
async fn order_not_ready_costs_a_look_and_no_claim() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    rest(&issuer, &mut order).await?;
    let not_ready = Fault::Problem {
        status: 403,
        body: json!({"type": "urn:ietf:params:acme:error:orderNotReady", "detail": "not yet"}),
    };
    liar.ca.misbehave(FaultPoint::Finalize, &not_ready, 3);
    let begun = Instant::now();
    drive(&issuer, &mut order).await?;
    // The claim alone would have held each of them for 35 s.
    ensure!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    ensure!(liar.ca.requests(FaultPoint::Finalize) == 4 && liar.ca.issued() == 1);
    Ok(())
}

#[tokio::test]
async fn an_order_whose_authorizations_cannot_be_read_is_the_one_that_is_gone_on_with() -> Result<()> {
    let liar = Liar::start().await?;
    let refused = Fault::Problem {
        status: 400,
        body: json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "no"}),
    };
    for fault in [
        Fault::Internal,
        Fault::Busy(RetryAfter::Seconds(60)),
        Fault::BreakOff,
        refused,
    ] {
        let issuer = liar.issuer().await?;
        let before = liar.ca.orders();
        let mut order = liar.order(&issuer, &["one.example.org", "two.example.org"]).await?;
        liar.ca.misbehave(FaultPoint::Authorization, &fault, 1);
        rest(&issuer, &mut order).await.with_context(|| format!("{fault:?}"))?;
        ensure!(tokens_of(&order)?.is_empty(), "{fault:?}: nothing is known of them yet");
        liar.ca.misbehave(FaultPoint::Authorization, &fault, 1);
        let error = refusal(&liar.issuer().await?, &order).await?;
        ensure!(!error.forget_checkpoint, "{fault:?}");

        // What it is proven with is saved before it is presented.
        let challenges = liar.ca.requests(FaultPoint::Challenge);
        rest(&liar.issuer().await?, &mut order).await?;
        let tokens: HashSet<String> = tokens_of(&order)?.into_iter().collect();
        ensure!(tokens.len() == 2 && liar.ca.requests(FaultPoint::Challenge) == challenges);
        drive(&issuer, &mut order).await?;
        ensure!(liar.ca.orders() == before + 1, "{fault:?}: {} orders", liar.ca.orders());
    }
    ensure!(liar.ca.issued() == 4);
    Ok(())
}

#[tokio::test]
async fn bodies_that_are_no_json_are_quoted_by_their_first_words() -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    let order = liar.order(&issuer, &["www.example.org"]).await?;
    for status in [200, 201, 400, 429, 500, 503] {
        let body = "<html>\n<b>Gate\u{1b}[2Jway\0 says no</b>".to_owned();
        liar.ca
            .misbehave(FaultPoint::NewOrder, &Fault::Page { status, body }, 1);
        let noted: StepContext = ctx();
        let error = issuer.carry_out(&order, &noted).await.err().context("it must fail")?;
        let said = told(error).to_string();
        ensure!(said.contains("<html> <b>Gate [2Jway says no</b>"), "{status}: {said}");
        ensure!(!said.contains("u{1b}") && !said.contains("\\0"), "{status}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn an_order_that_stays_pending_beside_a_failed_proof_names_it_when_patience_ends() -> Result<()> {
    let liar = Liar::start().await?;
    let mut config = liar.config()?;
    config.poll.patience_seconds = 1;
    let issuer = Arc::new(liar.issuer_with(config).await?);
    let mut order = liar.order(&issuer, &["www.example.org"]).await?;
    rest(&issuer, &mut order).await?;
    liar.ca.keep_orders_pending();
    liar.ca.refuse_name("www.example.org", "dns", "no such name");
    let error = refusal(&issuer, &order).await?;
    ensure!(error.forget_checkpoint);
    let asked = question(error)?;
    ensure!(
        asked.code.as_str() == "ISS-0007" && asked.what.contains("no such name"),
        "{asked:?}"
    );
    Ok(())
}

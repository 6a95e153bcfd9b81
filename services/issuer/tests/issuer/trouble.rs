//! CAs that refuse, forget, limit, stay silent or talk nonsense.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bus::StepHandler;
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{
    Issuer, World, bus, config_for, ctx, drive, failure, order_at, process, question, refusal, rest, retry, tokens_of,
};

#[tokio::test]
async fn a_host_that_the_ca_cannot_find_is_a_question_and_a_new_order_after_resume() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = world.order(&["good.example.org", "dark.example.org"])?;
    world.pebble.break_dns("dark.example.org").await?;
    rest(&issuer, &mut order).await?;
    rest(&issuer, &mut order).await?;
    let tokens = tokens_of(&order)?;
    let error = refusal(&issuer, &order).await?;
    ensure!(
        error.forget_checkpoint,
        "a failed challenge cannot be tried again in the same order"
    );
    let asked = question(error)?;
    ensure!(
        asked.code.as_str() == "ISS-0007" && asked.what.contains("dark.example.org"),
        "{asked:?}"
    );
    ensure!(
        !asked.what.contains("good.example.org:"),
        "only the name that failed is named: {asked:?}"
    );
    for token in tokens {
        ensure!(
            world.tokens.load(&token).await?.is_none(),
            "nobody asks for these responses any more"
        );
    }

    world.pebble.mend_dns("dark.example.org").await?;
    order.checkpoint = None;
    drive(&issuer, &mut order).await?;
    ensure!(world.pebble.issued() == 1);
    Ok(())
}

#[tokio::test]
async fn an_order_that_was_invalid_before_this_process_came_says_why_and_gets_a_new_one() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["dark.example.org"])?;
    world.pebble.break_dns("dark.example.org").await?;
    rest(&world.issuer()?, &mut order).await?;
    rest(&world.issuer()?, &mut order).await?;
    refusal(&world.issuer()?, &order).await?;
    let error = refusal(&world.issuer()?, &order).await?;
    ensure!(error.forget_checkpoint, "that order is of no use any more");
    let (_, why) = retry(error)?;
    ensure!(why.code.as_str() == "ISS-0005", "{why:?}");
    ensure!(
        why.what.contains("dark.example.org: ") && why.what.contains("could not resolve"),
        "{why:?}"
    );
    ensure!(!why.what.contains(&tokens_of(&order)?[0]), "{why:?}");
    Ok(())
}

#[tokio::test]
async fn a_ca_that_has_forgotten_the_order_gets_a_new_one_from_the_same_account_key() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = world.order(&["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    rest(&issuer, &mut order).await?;
    let key = order.spec.account_key.clone();
    world.pebble.kill_and_restart().await?;
    let error = refusal(&world.issuer()?, &order).await?;
    ensure!(error.forget_checkpoint, "that order is of no use any more");
    let (_, why) = retry(error)?;
    ensure!(why.code.as_str() == "ISS-0011", "{why:?}");
    order.checkpoint = None;
    drive(&issuer, &mut order).await?;
    ensure!(order.spec.account_key == key && world.pebble.issued() == 1);
    Ok(())
}

#[tokio::test]
async fn a_ca_that_has_forgotten_the_account_in_memory_is_told_again() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut first = world.order(&["first.example.org"])?;
    drive(&issuer, &mut first).await?;
    world.pebble.kill_and_restart().await?;
    let mut second = world.order(&["second.example.org"])?;
    second.spec.account_key = first.spec.account_key;
    drive(&issuer, &mut second).await?;
    ensure!(world.pebble.issued_for("second.example.org").await? == 1);
    Ok(())
}

#[tokio::test]
async fn a_ca_that_is_down_is_tried_again() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["www.example.org"])?;
    let issuer = world.issuer()?;
    rest(&issuer, &mut order).await?;
    world.pebble.peer().kill_hard()?;
    let (_, why) = retry(refusal(&issuer, &order).await?)?;
    ensure!(why.code.as_str() == "ISS-0005", "{why:?}");
    Ok(())
}

#[tokio::test]
async fn a_wildcard_has_no_http_01() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = world.order(&["*.example.org"])?;
    rest(&issuer, &mut order).await?;
    let failed = failure(refusal(&issuer, &order).await?)?;
    ensure!(
        failed.code.as_str() == "ISS-0013" && failed.what.contains("*.example.org"),
        "{failed:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_not_listed_is_refused_before_anything_is_sent() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["www.example.org"])?;
    order.spec.ca = "https://elsewhere.example/dir".parse()?;
    let failed = failure(refusal(&world.issuer()?, &order).await?)?;
    ensure!(
        failed.code.as_str() == "ISS-0001" && failed.hint.contains("issuer.directories"),
        "{failed:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_ca_with_another_root_is_a_question_that_names_the_key() -> Result<()> {
    let (world, other) = (World::start().await?, World::start().await?);
    let config = config_for(
        &world.pebble.directory_url(),
        Some(other.pebble.api_root_path().to_owned()),
    )?;
    let issuer = world.issuer_with(config)?;
    let mut order = world.order(&["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let asked = question(refusal(&issuer, &order).await?)?;
    ensure!(
        asked.code.as_str() == "ISS-0002" && asked.what.contains("issuer.directories.root_file"),
        "{asked:?}"
    );
    Ok(())
}

/// A CA that hands out nonces and accounts, and answers every new order the same way.
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn lying_ca<R: IntoResponse>(answer: impl Fn() -> R + Clone + Send + Sync + 'static) -> Result<(Issuer, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let directory = json!({
        "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"), "newOrder": format!("{base}/order"),
    });
    let location = format!("{base}/account/1");
    let router = Router::new()
        .route("/dir", get(move || async move { directory.to_string() }))
        .route("/nonce", any(|| async { [("replay-nonce", "bm9uY2U")] }))
        .route(
            "/account",
            any(move || async move { (StatusCode::CREATED, [("location", location)], "{}") }),
        )
        .route("/order", any(move || async move { answer().into_response() }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let directory = format!("{base}/dir");
    Ok((issuer_for(&directory).await?, directory))
}

async fn issuer_for(directory: &str) -> Result<Issuer> {
    let bus = bus().await?;
    let (tokens, claims) = (
        bus.challenge_tokens().await?,
        bus.finalize_claims(Duration::from_secs(5)).await?,
    );
    let mut config = config_for(directory, None)?;
    config.request_timeout_seconds = 1;
    config.directories[0].root_file = Some(some_root().await);
    process(config, tokens, claims)
}

/// Plain HTTP needs no root; a machine of tests may have none.
async fn some_root() -> std::path::PathBuf {
    testkit::shared::pebble().await.api_root_path().to_owned()
}

#[tokio::test]
async fn the_time_of_a_429_is_kept_although_its_body_is_no_json() -> Result<()> {
    let limited = || {
        (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", "3600")],
            "<html>slow down</html>",
        )
    };
    let (issuer, directory) = lying_ca(limited).await?;
    let mut order = order_at(&directory, &["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let before = ctx().now();
    let (until, why) = retry(refusal(&issuer, &order).await?)?;
    let wait = until.since(before);
    ensure!(
        wait >= Duration::from_secs(3599) && wait < Duration::from_secs(3700),
        "{wait:?}"
    );
    ensure!(
        why.code.as_str() == "ISS-0006" && why.what.contains("rate limited"),
        "{why:?}"
    );
    Ok(())
}

/// As Let's Encrypt says it: a 429 like any other, but for its words.
#[tokio::test]
async fn names_that_the_ca_has_paused_are_a_question_with_its_portal() -> Result<()> {
    let portal = "https://portal.example.org/sfe/v1/unpause?jwt=a.b.c";
    let detail = format!(
        "Your account is temporarily prevented from requesting certificates for www.example.org and possibly others. \
         Please visit: {portal}"
    );
    let said = json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": detail, "status": 429});
    let paused = move || {
        let kind = [("content-type", "application/problem+json")];
        (StatusCode::TOO_MANY_REQUESTS, kind, said.to_string())
    };
    let (issuer, directory) = lying_ca(paused).await?;
    let mut order = order_at(&directory, &["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let asked = question(refusal(&issuer, &order).await?)?;
    ensure!(asked.code.as_str() == "ISS-0018", "{asked:?}");
    ensure!(
        asked.hint.contains(portal) && asked.what.contains("www.example.org"),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_time_of_a_503_is_kept_too_and_a_date_is_understood() -> Result<()> {
    let until = ctx().now().plus(Duration::from_secs(7200));
    let date = until
        .get()
        .format(&time::format_description::well_known::Rfc2822)?
        .replace("+0000", "GMT");
    let busy = move || {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", date.clone())],
            "<html>busy</html>",
        )
    };
    let (issuer, directory) = lying_ca(busy).await?;
    let mut order = order_at(&directory, &["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let (at, why) = retry(refusal(&issuer, &order).await?)?;
    ensure!(at.to_string() == until.to_string(), "{at} is not {until}");
    ensure!(why.code.as_str() == "ISS-0005" && why.what.contains("503"), "{why:?}");
    Ok(())
}

#[tokio::test]
async fn an_empty_400_and_a_redirect_elsewhere_are_told_as_they_are() -> Result<()> {
    for (status, said) in [(StatusCode::BAD_REQUEST, "400"), (StatusCode::FOUND, "302")] {
        let (issuer, directory) = lying_ca(move || (status, [("location", "https://elsewhere.example/")])).await?;
        let mut order = order_at(&directory, &["www.example.org"])?;
        rest(&issuer, &mut order).await?;
        let asked = question(refusal(&issuer, &order).await?)?;
        ensure!(
            asked.code.as_str() == "ISS-0016" && asked.what.contains(said),
            "{asked:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_ca_whose_urls_lead_elsewhere_is_not_followed() -> Result<()> {
    let answer = || {
        let order = json!({
            "status": "pending", "finalize": "https://elsewhere.example/finalize",
            "authorizations": ["https://elsewhere.example/authz/1"],
        });
        (
            StatusCode::CREATED,
            [("location", "https://elsewhere.example/order/1")],
            order.to_string(),
        )
    };
    let (issuer, directory) = lying_ca(answer).await?;
    let mut order = order_at(&directory, &["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    // The order is there, and is remembered: it is gone on with when the configuration is mended.
    rest(&issuer, &mut order).await?;
    let asked = question(refusal(&issuer, &order).await?)?;
    ensure!(
        asked.code.as_str() == "ISS-0002" && asked.what.contains("extra_origins"),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_silent_ca_is_left_after_the_timeout() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let directory = format!("http://{}/dir", listener.local_addr()?);
    let issuer = issuer_for(&directory).await?;
    let mut order = order_at(&directory, &["www.example.org"])?;
    rest(&issuer, &mut order).await?;
    let ctx = ctx();
    let error = issuer
        .carry_out(&order, &ctx)
        .await
        .err()
        .ok_or_else(|| anyhow::anyhow!("nobody answered"))?;
    let (_, why) = retry(error)?;
    ensure!(
        why.code.as_str() == "ISS-0005" && why.what.contains("within 1 s"),
        "{why:?}"
    );
    let exchange = ctx.take_notes().exchange;
    ensure!(exchange.len() == 1 && exchange[0].status == 0, "{exchange:?}");
    Ok(())
}

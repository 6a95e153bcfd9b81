//! What strangers ask of the http-01 responder costs next to nothing: few wait, and each of them is two looks at NATS.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use bus::Bus;
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use issuer::challenge::{Responder, responder};
use testkit::Nats;
use testkit::nats::settled;
use tower::ServiceExt;

/// `WAITING_OF_ONE` of the responder.
const OF_ONE_ADDRESS: usize = 8;

async fn asked(http01: &Responder, token: &str, from: &str) -> Result<StatusCode> {
    let request = Request::get(format!("/.well-known/acme-challenge/{token}"));
    let from: SocketAddr = format!("{from}:40000").parse()?;
    let request = request.extension(ConnectInfo(from)).body(Body::empty())?;
    Ok(responder::router(http01.clone()).oneshot(request).await?.status())
}

#[tokio::test]
async fn tokens_that_nobody_presented_cost_few_reads_and_keep_nobody_out() -> Result<()> {
    let nats = Nats::start().await?;
    let connection = bus::Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..bus::Connection::default()
    };
    let bus = Bus::connect(&connection, "issuer-test").await?.keeping_buckets();
    bus.apply_topology().await?;
    let http01 = Responder::new(bus.challenge_tokens().await?);
    http01.present("known", "known.thumbprint").await?;

    // Every read of a bucket is one of these.
    let ear = nats.connect().await?;
    let reads = ear.subscribe("$JS.API.DIRECT.GET.>").await?;
    let looks = ear.subscribe("$JS.API.STREAM.MSG.GET.>").await?;
    let mut told = ear.subscribe("told").await?;
    settled(&ear).await?;

    let tokens: Vec<String> = (0..64).map(|number| format!("unknown-{number}")).collect();
    let strangers = join_all(tokens.iter().map(|token| asked(&http01, token, "192.0.2.66")));
    let others = async {
        let known = asked(&http01, "known", "192.0.2.66").await?;
        ensure!(known == StatusCode::OK, "the CA is answered beside them: {known}");
        Ok(())
    };
    let (answers, others) = tokio::join!(strangers, others);
    others?;
    for status in answers {
        ensure!(status? == StatusCode::NOT_FOUND, "nobody presented it");
    }
    // Every read was answered before this is said, so it was heard before it, too.
    ear.publish("told", "".into()).await?;
    told.next().await.context("the end")?;
    let heard = [reads, looks].map(|mut ear| std::iter::from_fn(|| ear.next().now_or_never().flatten()).count());
    let heard: usize = heard.iter().sum();
    ensure!((1..=2 * OF_ONE_ADDRESS).contains(&heard), "{heard} reads for 64 tokens");
    Ok(())
}

//! Every server of the kit starts, does its work, and survives what the kit does to it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};
use testkit::handshake::served_leaf;
use testkit::{Nats, NginxHosts, Pebble, PebbleOptions, Postgres, Serving, Signal, http, pki, sqlx, wait};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn nginx_serves_a_new_certificate_after_a_reload_and_not_before() -> Result<()> {
    let hosts = ["a.example.test", "b.example.test"];
    let nginx = NginxHosts::start(hosts, Serving::PerHost).await?;
    let [old_a, old_b] = [
        served_leaf(nginx.address(), hosts[0]).await?,
        served_leaf(nginx.address(), hosts[1]).await?,
    ];
    assert_ne!(old_a, old_b, "each host has a certificate of its own");

    replace(&nginx, hosts[0])?;
    assert_eq!(
        served_leaf(nginx.address(), hosts[0]).await?,
        old_a,
        "not before the reload"
    );
    nginx.reload().await?;
    wait::until("the new certificate", SOON, async || {
        served_leaf(nginx.address(), hosts[0])
            .await
            .ok()
            .filter(|leaf| *leaf != old_a)
    })
    .await?;
    assert_eq!(
        served_leaf(nginx.address(), hosts[1]).await?,
        old_b,
        "the neighbour stays as it was"
    );
    Ok(())
}

#[tokio::test]
async fn a_dynamic_nginx_serves_a_new_certificate_at_the_next_handshake() -> Result<()> {
    let nginx = NginxHosts::start(["a.example.test"], Serving::Dynamic).await?;
    let old = served_leaf(nginx.address(), "a.example.test").await?;
    replace(&nginx, "a.example.test")?;
    assert_ne!(served_leaf(nginx.address(), "a.example.test").await?, old);
    Ok(())
}

#[tokio::test]
async fn nginx_refuses_a_host_that_it_does_not_serve() -> Result<()> {
    for serving in [Serving::PerHost, Serving::Dynamic] {
        let nginx = NginxHosts::start(["a.example.test"], serving).await?;
        let refused = served_leaf(nginx.address(), "stranger.example.test").await;
        assert!(refused.is_err(), "{serving:?} served {refused:?}");
    }
    Ok(())
}

fn replace(nginx: &NginxHosts, host: &str) -> Result<()> {
    let new = pki::about_to_expire(host)?;
    let files = nginx.files(host);
    std::fs::write(&files.chain, new.chain_pem)?;
    Ok(std::fs::write(&files.key, new.key_pem)?)
}

#[tokio::test]
async fn pebble_answers_with_its_directory_under_its_own_root() -> Result<()> {
    let pebble = testkit::shared::pebble().await;
    let root = std::fs::read_to_string(pebble.api_root_path())?;
    let directory = http::client(&root)?.get(pebble.directory_url()).send().await?;
    ensure!(directory.status().is_success(), "{}", directory.status());
    let directory: serde_json::Value = directory.json().await?;
    assert!(directory["newOrder"].is_string(), "{directory}");
    assert!(
        directory["renewalInfo"].is_string(),
        "a Pebble of 2.8 or later has renewal information: {directory}"
    );
    Ok(())
}

#[tokio::test]
async fn a_client_without_pebbles_root_does_not_trust_it() -> Result<()> {
    let pebble = testkit::shared::pebble().await;
    let stranger = pki::local_server()?.root_pem;
    assert!(
        http::client(&stranger)?
            .get(pebble.directory_url())
            .send()
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn a_restarted_pebble_has_a_new_issuing_root() -> Result<()> {
    let pebble = Pebble::start(PebbleOptions::default()).await?;
    let before = pebble.issuance_root_pem().await?;
    assert!(before.contains("BEGIN CERTIFICATE"), "{before}");
    pebble.kill_and_restart().await?;
    assert_ne!(pebble.issuance_root_pem().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_pebble_that_hangs_is_known_from_one_that_answers() -> Result<()> {
    let pebble = Pebble::start(PebbleOptions::default()).await?;
    assert!(!pebble.hangs().await);
    pebble.signal(Signal::STOP)?;
    assert!(pebble.hangs().await);
    pebble.signal(Signal::CONT)
}

#[tokio::test]
async fn nats_is_healthy_and_keeps_its_streams_over_restarts() -> Result<()> {
    let nats = Nats::start().await?;
    let health = http::client("")?
        .get(format!("{}/healthz", nats.monitor_url()))
        .send()
        .await?;
    assert!(health.status().is_success(), "{}", health.status());

    let stream = testkit::async_nats::jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept.>".to_owned()],
        ..Default::default()
    };
    jetstream(&nats).await?.create_stream(stream).await?;
    jetstream(&nats).await?.publish("kept.one", "1".into()).await?.await?;
    nats.restart().await?;
    assert_eq!(messages(&nats).await?, 1);
    nats.kill_and_restart().await?;
    // What was stored more than `sync_interval` ago, or before an orderly restart, survives a kill.
    assert_eq!(messages(&nats).await?, 1);
    Ok(())
}

#[tokio::test]
async fn nats_refuses_a_wrong_password_and_takes_users_of_the_test() -> Result<()> {
    let users = "authorization { users = [ { user: other, password: word } ] }";
    let nats = Nats::start_with(users).await?;
    nats.connect_as("other", "word").await?;
    assert!(nats.connect_as("other", "wrong").await.is_err());
    assert!(nats.connect().await.is_err(), "the test's block replaces ours");
    Ok(())
}

async fn jetstream(nats: &Nats) -> Result<testkit::async_nats::jetstream::Context> {
    Ok(testkit::async_nats::jetstream::new(nats.connect().await?))
}

async fn messages(nats: &Nats) -> Result<u64> {
    let stream = jetstream(nats).await?.get_stream("KEPT").await?;
    Ok(stream.cached_info().state.messages)
}

#[tokio::test]
async fn postgres_gives_each_name_an_empty_database() -> Result<()> {
    let postgres = testkit::shared::postgres().await;
    let url = postgres.database("one_of_many").await?;
    let mut connection = PgConnection::connect(&url).await?;
    let name: String = sqlx::query_scalar("select current_database()")
        .fetch_one(&mut connection)
        .await?;
    assert_eq!(name, "one_of_many");
    assert!(postgres.database("one_of_many").await.is_err(), "a name is given once");
    assert!(postgres.database("x; drop database postgres").await.is_err());

    sqlx::query("create table model (n int)")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let copy = postgres.database_like("another", "one_of_many").await?;
    let mut connection = PgConnection::connect(&copy).await?;
    let rows: i64 = sqlx::query_scalar("select count(*) from model")
        .fetch_one(&mut connection)
        .await?;
    assert_eq!(rows, 0);
    Ok(())
}

#[tokio::test]
async fn a_durable_postgres_keeps_what_it_committed_through_kill_and_restart() -> Result<()> {
    let postgres = Postgres::durable().await?;
    let url = postgres.database("kept").await?;
    let mut session = PgConnection::connect(&url).await?;
    sqlx::query("create table kept (n int)").execute(&mut session).await?;
    sqlx::query("insert into kept values (1)").execute(&mut session).await?;
    let pid = postgres.peer().pid();
    postgres.kill_and_restart().await?;
    assert_ne!(postgres.peer().pid(), pid);
    assert!(session.ping().await.is_err(), "the old session died with the server");
    assert_eq!(count(&url).await?, 1);
    let open = PgConnection::connect(&url).await?;
    postgres.restart().await.context("with a session open")?;
    drop(open);
    assert_eq!(count(&url).await?, 1);
    Ok(())
}

async fn count(url: &str) -> Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("select count(*) from kept")
        .fetch_one(&mut connection)
        .await?)
}

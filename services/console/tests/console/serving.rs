//! The whole service: it makes the schema, takes its port, answers, and leaves when it is told to.

use std::time::Duration;

use anyhow::Result;
use chassis::Life;
use console::Config;
use serde_json::{Value, json};
use testkit::{http, ports, wait};

use crate::world::{TOKEN, connection};

const SOON: Duration = Duration::from_secs(20);

async fn config(database: &str, port: u16) -> Result<Config> {
    let database_url = testkit::shared::postgres().await.database(database).await?;
    let listen = format!("127.0.0.1:{port}");
    let values = json!({ "database_url": database_url, "owner_token": TOKEN, "listen": listen });
    let nats = connection(testkit::shared::nats().await);
    Ok(Config {
        nats,
        ..serde_json::from_value(values)?
    })
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn an_empty_database_is_made_ready_and_served_until_the_stop() -> Result<()> {
    let port = ports::lease()?;
    let (life, client) = (Life::new(), http::client("")?);
    let service = tokio::spawn(console::run(
        config("console_serving", port.number()).await?,
        life.clone(),
    ));
    wait::until("the console to be ready", SOON, async || life.is_ready().then_some(())).await?;
    let url = format!("http://127.0.0.1:{}/api/v1/runs/counts", port.number());
    let counts: Value = client.get(&url).bearer_auth(TOKEN).send().await?.json().await?;
    let none = json!({ "queued": 0, "running": 0, "succeeded": 0, "failed": 0, "needs_manual": 0, "cancelled": 0 });
    assert_eq!(counts, none);
    life.soft().cancel();
    tokio::time::timeout(SOON, service).await???;
    assert!(client.get(&url).send().await.is_err(), "nobody listens any more");
    Ok(())
}

#[tokio::test]
async fn a_taken_port_ends_it_before_it_is_ready() -> Result<()> {
    let port = ports::lease()?;
    let _taken = tokio::net::TcpListener::bind(("127.0.0.1", port.number())).await?;
    let life = Life::new();
    let refused = console::run(config("console_port", port.number()).await?, life.clone()).await;
    let said = refused.expect_err("the port is taken").to_string();
    assert!(said.contains(&format!("listen 127.0.0.1:{}", port.number())), "{said}");
    assert!(!life.is_ready());
    Ok(())
}

//! The service as a whole: its configuration, its port, its life.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use chassis::Life;
use issuer::Config;
use tokio::net::TcpListener;

use crate::world::{bus, nats};

#[test]
fn the_shipped_configuration_is_read_and_says_the_defaults() -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/config/issuer.toml");
    let read: Config = chassis::config::read(Some(&file))?;
    read.check()?;
    ensure!(format!("{read:?}") == format!("{:?}", Config::default()), "{read:?}");
    // The commented block is a whole one.
    let text = std::fs::read_to_string(&file)?;
    let (before, block) = text
        .split_once("# [[directories]]")
        .ok_or_else(|| anyhow::anyhow!("no example"))?;
    let block: String = block
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    let example = std::env::temp_dir().join(format!("issuer-example-{}.toml", std::process::id()));
    std::fs::write(&example, format!("{before}\n[[directories]]{block}"))?;
    let with_example = chassis::config::read::<Config>(Some(&example));
    std::fs::remove_file(&example)?;
    let with_example = with_example?;
    with_example.check()?;
    ensure!(with_example.directories.len() == 1 && with_example.directories[0].extra_origins.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_told_by_its_key() -> Result<()> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let config = Config {
        nats: nats().await,
        http01_listen: taken.local_addr()?,
        ..Config::default()
    };
    let said = issuer::run(config, Life::new())
        .await
        .expect_err("the port is taken")
        .to_string();
    ensure!(
        said.starts_with("http01_listen: ") && said.contains("free address"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_bad_root_file_stops_the_start() -> Result<()> {
    let _planner = bus().await?;
    let mut config: Config = Config {
        nats: nats().await,
        http01_listen: any_port(),
        ..Config::default()
    };
    let mut directory = issuer::DirectoryConfig::public("https://ca.example/dir".parse()?);
    directory.root_file = Some("/nonexistent/roots.pem".into());
    config.directories.push(directory);
    let said = issuer::run(config, Life::new())
        .await
        .expect_err("there is no such file")
        .to_string();
    ensure!(
        said.starts_with("directories[0].root_file: /nonexistent/roots.pem"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn it_answers_for_the_whole_fleet_while_it_lives_and_leaves_in_good_order() -> Result<()> {
    let port = testkit::ports::lease()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
    let life = Life::new();
    let config = Config {
        nats: nats().await,
        http01_listen: address,
        ..Config::default()
    };
    let planner = bus().await?;
    let service = tokio::spawn(issuer::run(config, life.clone()));
    testkit::wait::until("readiness", Duration::from_secs(10), async || {
        life.is_ready().then_some(())
    })
    .await?;

    let tokens = planner.challenge_tokens().await?;
    tokens.present("token-of-another", "token-of-another.thumb").await?;
    let client = testkit::http::client("")?;
    let ask = async |token: &str| {
        client
            .get(format!("http://{address}/.well-known/acme-challenge/{token}"))
            .send()
            .await
    };
    let answer = ask("token-of-another").await?;
    ensure!(answer.headers()["content-type"] == "text/plain");
    ensure!(answer.text().await? == "token-of-another.thumb");
    ensure!(ask("no.token").await?.status() == 404);
    ensure!(
        client.get(format!("http://{address}/")).send().await?.status() == 404,
        "nothing else is on this port"
    );

    life.soft().cancel();
    service.await??;
    ensure!(ask("token-of-another").await.is_err(), "the port is free again");
    Ok(())
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

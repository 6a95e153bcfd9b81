//! What says that a server is ready: its own answer, not its open port, wherever it has one.
//!
//! In: the probe and the log so far. Out: ready, or why not yet. Never: waits (see `process`).

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use sqlx::Connection;
use tokio::net::TcpStream;

#[derive(Clone)]
pub enum Ready {
    /// It accepts a connection.
    Tcp(SocketAddr),
    /// It answers 200.
    Http { client: reqwest::Client, url: String },
    /// It answers a query.
    Postgres { url: String },
    /// It has written this text since its start.
    LogLine(&'static str),
}

impl Ready {
    pub(crate) async fn look(&self, log: &str) -> Result<()> {
        match self {
            Self::Tcp(address) => drop(TcpStream::connect(address).await?),
            Self::Http { client, url } => {
                let status = client.get(url).send().await?.status();
                ensure!(status == reqwest::StatusCode::OK, "{url} answers {status}");
            }
            Self::Postgres { url } => {
                let mut connection = sqlx::PgConnection::connect(url).await?;
                connection.ping().await?;
                connection.close().await?;
            }
            Self::LogLine(text) => ensure!(log.contains(text), "the log does not say {text:?} yet"),
        }
        Ok(())
    }
}

/// By hand: the URL of a database holds its password.
impl std::fmt::Debug for Ready {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(out, "Tcp({address})"),
            Self::Http { client: _, url } => write!(out, "Http({url})"),
            Self::Postgres { url: _ } => write!(out, "Postgres(..)"),
            Self::LogLine(text) => write!(out, "LogLine({text:?})"),
        }
    }
}

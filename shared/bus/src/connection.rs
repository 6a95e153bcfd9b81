//! One connection to NATS, and what can go wrong with it.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, ConnectOptions, Event};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

/// Minimum server: priority groups and per-message TTL came with it, Debian's own 2.9 has neither.
const MINIMUM: (u64, u64) = (2, 11);
/// How long a publish waits for the stream's word. The library's 5 s are burnt whole when a server dies.
const ACK_TIMEOUT: Duration = Duration::from_secs(3);

/// Where NATS is and who we are there. Its `Debug` shows no password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// `nats://host:port` or `tls://host:port`, several with commas.
    #[serde(default = "local")]
    pub url: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    /// A credentials file (JWT and seed), instead of user and password.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// PEM file of the CA of the server's certificate, when it is a private one.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// Copies that a cluster keeps of every stream: 1 for a single server, 3 for a cluster.
    #[serde(default = "one")]
    pub replicas: usize,
}

fn local() -> String {
    "nats://127.0.0.1:4222".to_owned()
}

fn one() -> usize {
    1
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            url: local(),
            user: None,
            password: None,
            credentials_file: None,
            root_file: None,
            replicas: one(),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("user", &self.user)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("NATS cannot be reached or used: {0}")]
    Unavailable(String),
    #[error("nobody answers on {subject}: the service behind it is not running")]
    NoResponders { subject: String },
    #[error("no answer on {subject} in time")]
    Timeout { subject: String },
    #[error("the server is NATS {found}; 2.11 or newer is needed")]
    TooOld { found: String },
    #[error("a message could not be written or read: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl BusError {
    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A connected client. Cheap to clone; all clones share the connection, which mends itself.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) stream: Context,
    pub(crate) replicas: usize,
}

impl Bus {
    /// Connects, and refuses a server that is too old.
    pub async fn connect(to: &Connection, name: &str) -> Result<Self, BusError> {
        let client = options(to, name)
            .await?
            .connect(to.url.as_str())
            .await
            .map_err(BusError::unavailable)?;
        let found = client.server_info().version;
        if !new_enough(&found) {
            return Err(BusError::TooOld { found });
        }
        let stream = ContextBuilder::new()
            .timeout(ACK_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .build(client.clone());
        Ok(Self {
            client,
            stream,
            replicas: to.replicas,
        })
    }

    /// Whether the connection stands right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Everything handed to the client has been written to the server.
    pub async fn flush(&self) -> Result<(), BusError> {
        self.client.flush().await.map_err(BusError::unavailable)
    }
}

async fn options(to: &Connection, name: &str) -> Result<ConnectOptions, BusError> {
    let mut options = ConnectOptions::new()
        .name(name)
        .max_reconnects(None)
        // The default delay grows to seconds and keeps a client out long after the server is back.
        .reconnect_delay_callback(|tries| Duration::from_millis(if tries < 2 { 20 } else { 250 }))
        .event_callback(|event| async move { log(&event) });
    if let (Some(user), Some(password)) = (&to.user, &to.password) {
        options = options.user_and_password(user.clone(), password.clone());
        if is_token(user) {
            options = options.custom_inbox_prefix(protocol::subjects::inbox_of(user));
        }
    }
    if let Some(file) = &to.credentials_file {
        options = options
            .credentials_file(file)
            .await
            .map_err(|e| BusError::Unavailable(format!("nats.credentials_file {}: {e}", file.display())))?;
    }
    if let Some(file) = &to.root_file {
        options = options.add_root_certificates(file.clone());
    }
    Ok(options)
}

/// May stand in a subject.
fn is_token(user: &str) -> bool {
    !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn log(event: &Event) {
    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Disconnected => warn!("NATS is out of reach; trying again"),
        Event::Closed => info!("the connection to NATS is closed"),
        other => warn!(event = %other, "NATS"),
    }
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u64>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    found >= MINIMUM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_from_2_11_on_are_taken() {
        assert!(new_enough("2.11.0") && new_enough("2.15.1") && new_enough("3.0.0-beta.1"));
        assert!(!new_enough("2.9.10") && !new_enough("2.10.29") && !new_enough("nonsense"));
    }
}

//! One connection to NATS, and what can go wrong with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, ConnectOptions, Event};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bounds::{Applied, StreamBounds};
use crate::login::{Connection, Keys};

/// Minimum server: priority groups and per-message TTL came with it, Debian's own 2.9 has neither.
const MINIMUM: (u64, u64) = (2, 11);
/// How long a publish waits for the stream's word. The library's 5 s are burnt whole when a server
/// dies.
const ACK_TIMEOUT: Duration = Duration::from_secs(3);
/// Whether the connection stands, while a stop waits for a pull.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// At the end of a process.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("NATS cannot be reached or used: {0}")]
    Unavailable(String),
    #[error("no service answers on {subject}: the service behind it is not running")]
    NoResponders { subject: String },
    #[error("no answer on {subject} in time")]
    Timeout { subject: String },
    #[error("the server is NATS {found}; 2.11 or newer is needed")]
    TooOld { found: String },
    #[error("a message could not be written or read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("an answer on {subject} is not believed: {why}")]
    Disbelieved { subject: String, why: String },
    #[error("{0}")]
    Keys(String),
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
    pub(crate) keys: Arc<Keys>,
    /// Whose inboxes are ours, when that is part of their names.
    pub(crate) user: Option<Arc<str>>,
    pub(crate) keeps_buckets: bool,
    /// Of whoever uses it.
    stop: CancellationToken,
    /// Of the process that applies them.
    pub(crate) bounds: Option<Applied>,
}

impl Bus {
    /// Connects, and refuses a server that is too old.
    pub async fn connect(to: &Connection, name: &str) -> Result<Self, BusError> {
        let keys = Arc::new(to.keys().map_err(BusError::Keys)?);
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
            keys,
            user: to.user.as_deref().filter(|user| is_token(user)).map(Arc::from),
            keeps_buckets: false,
            stop: CancellationToken::new(),
            bounds: None,
        })
    }

    /// One that makes the buckets of the issuers with the streams: the planner's.
    #[must_use]
    pub fn keeping_buckets(self) -> Self {
        Self {
            keeps_buckets: true,
            ..self
        }
    }

    /// From here on the topology is applied with these bounds: by the planner alone.
    #[must_use]
    pub fn with_bounds(mut self, bounds: StreamBounds) -> Self {
        self.bounds = Some(Applied::new(bounds));
        self
    }

    /// One whose user stops some day: from then on nothing is waited for that NATS cannot say
    /// because it is away.
    #[must_use]
    pub fn until(self, stop: &CancellationToken) -> Self {
        Self {
            stop: stop.clone(),
            ..self
        }
    }

    /// Whether the connection stands right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Ends when `stop` has fired and NATS is away: nothing more can come then, and a pull would
    /// wait for its end in vain.
    #[expect(
        clippy::disallowed_methods,
        reason = "polls a state that gives no signal; what calls it is ended by a stop"
    )]
    pub(crate) async fn stopped_and_away(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        while self.is_connected() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What is asked of NATS, waited for no longer than it can be heard.
    pub(crate) async fn heard<T>(&self, waited: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
        tokio::select! {
            biased;
            ended = waited => ended,
            () = self.stopped_and_away(&self.stop) => {
                Err(BusError::Unavailable("it is away, and we are stopping".to_owned()))
            }
        }
    }

    /// Everything handed to the client is written to the server before a process ends. A server
    /// that is away is not waited for: what it has not confirmed is published again by the next
    /// process.
    pub async fn flush(&self) -> Result<(), BusError> {
        match tokio::time::timeout(FLUSH_WITHIN, self.client.flush()).await {
            Ok(flushed) => flushed.map_err(BusError::unavailable),
            Err(_elapsed) => {
                warn!("NATS is away: the last messages may not have reached it");
                Ok(())
            }
        }
    }
}

async fn options(to: &Connection, name: &str) -> Result<ConnectOptions, BusError> {
    let mut options = ConnectOptions::new()
        .name(name)
        .max_reconnects(None)
        // The default delay grows to seconds and keeps a client out long after the server is back.
        .reconnect_delay_callback(|tries| Duration::from_millis(if tries < 2 { 20 } else { 250 }))
        .event_callback(|event| async move { log(&event) });
    let key = secret("nats.nkey_file", to.nkey_file.as_deref())?;
    let password = to
        .password
        .clone()
        .or(secret("nats.password_file", to.password_file.as_deref())?);
    let with_login = key.is_some() || password.is_some() || to.credentials_file.is_some();
    if let Some(user) = to.user.as_ref().filter(|_| with_login) {
        if let Some(password) = password {
            options = options.user_and_password(user.clone(), password);
        }
        if is_token(user) {
            options = options.custom_inbox_prefix(protocol::subjects::inbox_of(user));
        }
    }
    if let Some(seed) = key {
        options = options.nkey(seed);
    }
    if let Some(file) = &to.credentials_file {
        if to.user.is_none() {
            warn!("nats.user is not set: answers are heard under _INBOX.>, which the rights of a service do not allow");
        }
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

/// What the file holds, without the line's end. The key of the configuration is named when it
/// cannot be read.
fn secret(key: &str, file: Option<&Path>) -> Result<Option<String>, BusError> {
    let Some(file) = file else { return Ok(None) };
    let unusable = |why: &str| BusError::Unavailable(format!("{key} {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| unusable(&e.to_string()))?;
    match text.trim() {
        "" => Err(unusable("it is empty")),
        secret => Ok(Some(secret.to_owned())),
    }
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

    #[test]
    fn a_secret_is_read_from_its_file_and_a_missing_one_names_its_key() {
        let file = std::env::temp_dir().join(format!("vigilo-secret-{}", std::process::id()));
        std::fs::write(&file, "hush\n").expect("a file");
        let read = secret("nats.password_file", Some(&file)).expect("read");
        assert_eq!(read.as_deref(), Some("hush"));
        std::fs::write(&file, "\n").expect("a file");
        let empty = secret("nats.password_file", Some(&file))
            .expect_err("empty")
            .to_string();
        std::fs::remove_file(&file).expect("removed");
        let gone = secret("nats.nkey_file", Some(&file)).expect_err("gone").to_string();
        assert!(
            empty.contains("nats.password_file") && gone.contains("nats.nkey_file"),
            "{empty} {gone}"
        );
        assert_eq!(secret("nats.nkey_file", None).expect("none is given"), None);
    }
}

//! http-01 (RFC 8555 §8.3): the responder that a CA asks, and the tokens that it answers for.
//!
//! In: `GET /.well-known/acme-challenge/{token}`. Out: the key authorization, or 404. Touches: the
//! tokens of the fleet on NATS, so any issuer answers for any. Never: anything else on its port.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bus::BusError;
use bus::tokens::{ChallengeTokens, TokenChange};
use chassis::http::{Limits, Places};
use futures::StreamExt;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A replica's write may be on its way still when the CA asks here.
const WAIT_FOR_A_WRITE: Duration = Duration::from_secs(2);
const AFTER_TROUBLE: Duration = Duration::from_secs(1);
/// Strangers ask for tokens too; only so many of them may wait, and of one address fewer. A
/// question costs two reads at NATS.
const WAITING: usize = 256;
const WAITING_OF_ONE: usize = 8;
/// A token that is longer is none: those of CAs have about 43 characters.
const LONGEST: usize = 128;
/// What is presented here or by a replica is known at once, and forgotten when it is removed or
/// after this: then it is looked up.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// So many are kept before old ones are looked for.
const FEW: usize = 4_096;

/// A CA asks from some addresses, thousands of times while a fleet is renewed.
pub const LIMITS: Limits = Limits {
    connections: 4_096,
    of_one_address: 1_024,
    head: Duration::from_secs(10),
    stalled: Duration::from_secs(10),
};

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Responder {
    known: Arc<Mutex<Known>>,
    arrived: Arc<Notify>,
    fleet: ChallengeTokens,
    waiting: Places,
}

/// What this process has presented itself, and what it has heard that replicas have.
#[derive(Default)]
struct Known(HashMap<String, (Instant, String)>);

impl Known {
    fn find(&self, token: &str) -> Option<String> {
        self.0.get(token).map(|(_, answer)| answer.clone())
    }

    fn keep(&mut self, token: String, answer: String) {
        if self.0.len() >= FEW && self.0.len() == self.0.capacity() {
            self.0.retain(|_, (at, _)| at.elapsed() < KNOWN_FOR);
        }
        self.0.insert(token, (Instant::now(), answer));
    }

    fn hear(&mut self, change: TokenChange) {
        match change.key_authorization {
            Some(answer) => self.keep(change.token, answer),
            None => drop(self.0.remove(&change.token)),
        }
    }
}

impl Responder {
    pub fn new(fleet: ChallengeTokens) -> Self {
        Self {
            known: Arc::default(),
            arrived: Arc::default(),
            fleet,
            waiting: Places::new(WAITING, WAITING_OF_ONE),
        }
    }

    /// Hears what replicas present, until `stop`. Without it their tokens are looked up at NATS.
    pub async fn listen(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.fleet.changes().await {
                Ok(changes) => {
                    let mut changes = std::pin::pin!(changes);
                    while let Some(Some(change)) = stop.run_until_cancelled(changes.next()).await {
                        self.known().hear(change);
                        self.arrived.notify_waiters();
                    }
                }
                Err(error) => tracing::warn!(%error, "tokens of other issuers are not heard; trying again"),
            }
            let _ = chassis::pause(AFTER_TROUBLE, stop).await;
        }
    }

    /// From here on every issuer answers for the token. May be repeated.
    pub async fn present(&self, token: &str, key_authorization: &str) -> Result<(), BusError> {
        self.known().keep(token.to_owned(), key_authorization.to_owned());
        self.fleet.present(token, key_authorization).await
    }

    /// Stops answering. May be repeated, and for tokens that are gone.
    pub async fn withdraw(&self, token: &str) -> Result<(), BusError> {
        self.known().0.remove(token);
        self.fleet.remove(token).await
    }

    /// Two looks at NATS at most, and between them a wait for what comes by itself.
    async fn find(&self, token: &str, from: IpAddr) -> Option<String> {
        if let Some(known) = self.known().find(token) {
            return Some(known);
        }
        let _place = self.waiting.try_take(from)?;
        let found = self.load(token).await;
        if found.is_some() {
            return found;
        }
        let until = Instant::now() + WAIT_FOR_A_WRITE;
        loop {
            let arrived = self.arrived.notified();
            if let Some(known) = self.known().find(token) {
                return Some(known);
            }
            if tokio::time::timeout_at(until, arrived).await.is_err() {
                return self.load(token).await;
            }
        }
    }

    async fn load(&self, token: &str) -> Option<String> {
        self.fleet.load(token).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the http-01 tokens cannot be read");
            None
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is served on `http01_listen`.
pub fn router(responder: Responder) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(respond))
        .with_state(responder)
}

type From = Option<Extension<ConnectInfo<SocketAddr>>>;

async fn respond(State(responder): State<Responder>, from: From, Path(token): Path<String>) -> Response {
    if !is_token(&token) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let this_machine = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let from = from.map_or(this_machine, |Extension(ConnectInfo(from))| from.ip());
    match responder.find(&token, from).await {
        Some(answer) => ([(CONTENT_TYPE, "text/plain")], answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// base64url without padding (RFC 8555 §8.3): nothing else may become a key of the bucket.
fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64url_is_looked_up() {
        assert!(is_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"));
        for wrong in ["", "a.b", "a/b", "*", ">", "a b", "ä", &"a".repeat(LONGEST + 1)] {
            assert!(!is_token(wrong), "{wrong:?}");
        }
    }
}

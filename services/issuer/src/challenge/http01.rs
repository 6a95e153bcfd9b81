//! http-01 (RFC 8555 §8.3): the responder that a CA asks, and the tokens that it answers for.
//!
//! In: `GET /.well-known/acme-challenge/{token}`. Out: the key authorization, or 404. Touches: the tokens of the
//! fleet on NATS, so any issuer answers for any. Never: anything else on its port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bus::tokens::ChallengeTokens;
use bus::{BusError, StepContext};
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A replica's write may be on its way still when the CA asks here.
const WAIT_FOR_A_WRITE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Strangers ask for tokens too; only so many of them may wait.
const WAITING: usize = 64;
/// A token that is longer is none: those of CAs have about 43 characters.
const LONGEST: usize = 128;

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Http01 {
    /// What this process has presented itself: most questions come right after.
    own: Arc<Mutex<HashMap<String, String>>>,
    fleet: ChallengeTokens,
    waiting: Arc<Semaphore>,
}

impl Http01 {
    pub fn new(fleet: ChallengeTokens) -> Self {
        Self {
            own: Arc::default(),
            fleet,
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// From here on every issuer answers for the token. May be repeated.
    pub async fn present(&self, token: &str, key_authorization: &str) -> Result<(), BusError> {
        let own = (token.to_owned(), key_authorization.to_owned());
        self.own().insert(own.0, own.1);
        self.fleet.present(token, key_authorization).await
    }

    /// Nobody answers any more. May be repeated, and for tokens that are gone.
    pub async fn withdraw(&self, token: &str) -> Result<(), BusError> {
        self.forget(token);
        self.fleet.remove(token).await
    }

    /// The same for all of an order; gives those that could not be removed, which expire by themselves.
    pub async fn withdraw_all(&self, tokens: &[String], ctx: &StepContext) -> Vec<String> {
        let removals = tokens.iter().map(|token| async move {
            let error = self.withdraw(token).await.err()?;
            ctx.warn(format!("a challenge response was not removed: {error}"), &[]);
            Some(token.clone())
        });
        join_all(removals).await.into_iter().flatten().collect()
    }

    /// This process answers from the fleet's tokens only: the CA has seen it, or another replica goes on.
    pub fn forget(&self, token: &str) {
        self.own().remove(token);
    }

    async fn find(&self, token: &str) -> Option<String> {
        if let Some(own) = self.own().get(token) {
            return Some(own.clone());
        }
        let found = self.load(token).await;
        if found.is_some() {
            return found;
        }
        let _place = self.waiting.try_acquire().ok()?;
        let until = Instant::now() + WAIT_FOR_A_WRITE;
        while Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = self.load(token).await;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    async fn load(&self, token: &str) -> Option<String> {
        self.fleet.load(token).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the http-01 tokens cannot be read");
            None
        })
    }

    fn own(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is served on `http01_listen`.
pub fn router(http01: Http01) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(respond))
        .with_state(http01)
}

async fn respond(State(http01): State<Http01>, Path(token): Path<String>) -> Response {
    if !is_token(&token) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match http01.find(&token).await {
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

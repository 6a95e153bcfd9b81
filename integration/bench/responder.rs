//! Answers the CAs' http-01 questions from memory.
//!
//! In: tokens. Out: their key authorizations. Never: forgets one; the process is short-lived.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;

#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<String, String>>>);

impl Tokens {
    pub fn present(&self, token: &str, key_authorization: &str) {
        let pair = (token.to_owned(), key_authorization.to_owned());
        self.lock().insert(pair.0, pair.1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens from when it returns until the process ends.
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
pub async fn start(port: u16) -> Result<Tokens> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.with_context(|| format!("listening on port {port}"))?;
    let tokens = Tokens::default();
    let router = Router::new()
        .route("/.well-known/acme-challenge/{token}", get(respond))
        .with_state(tokens.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(tokens)
}

async fn respond(State(tokens): State<Tokens>, Path(token): Path<String>) -> Result<String, StatusCode> {
    tokens.lock().get(&token).cloned().ok_or(StatusCode::NOT_FOUND)
}

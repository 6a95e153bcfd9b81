//! Who is asking: the bearer token says the person and the workspace. Nothing behind it is reached without.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::WorkspaceId;
use sha2::{Digest, Sha256};

use crate::error::{Code, Problem};

/// The tokens that open the door, hashed: comparing hashes tells by its time nothing about the token.
#[derive(Clone)]
pub(crate) struct Keys {
    owner: Arc<[u8; 32]>,
}

impl Keys {
    pub(crate) fn new(owner_token: &str) -> Self {
        Self {
            owner: Arc::new(hash(owner_token)),
        }
    }

    fn open(&self, token: &str) -> Option<Caller> {
        (hash(token) == *self.owner).then(|| Caller {
            workspace: WorkspaceId::default_workspace(),
            name: "owner".to_owned(),
        })
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A person who was let in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Every query is made in it.
    pub workspace: WorkspaceId,
    /// How runs and the log name the person.
    pub name: String,
}

/// Lets a request through when its token is known.
pub(crate) async fn guard(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    let Some(caller) = bearer(request.headers()).and_then(|token| keys.open(token)) else {
        return refused();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refused() -> Response {
    let detail = "send the header `Authorization: Bearer <token>` with the token of this console (owner_token)";
    let mut response = Problem::new(Code::Unauthorized, detail).into_response();
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(Code::Unauthorized, "this path is behind the login"))
    }
}

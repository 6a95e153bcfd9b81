//! The HTTP client under the ACME library: one per CA, shared by all its accounts and orders.
//!
//! In: the library's requests. Out: answers, or an [`Obstacle`] judged by status before the library
//! parses (it would lose status and `Retry-After`). Touches: the CA's own origins only; redirects
//! are not followed. Never: a nonce into the library, except one that it asked for by HEAD.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Timestamp;
use http::header::{CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::Value;
use url::{Origin, Url};

use super::answers::{self, first_words};
use super::nonces::NoncePool;
use super::recorder::{self, Raw, RecordedAnswer};
use super::{redact, retry_after};
use crate::config;

const REPLAY_NONCE: &str = "replay-nonce";
/// The longest chain with its JSON around is a few kilobytes.
const LARGEST_BODY: usize = 1 << 20;
/// Shorter than what servers and NAT boxes keep.
const IDLE: Duration = Duration::from_secs(50);

/// An answer that the library must not see, or none at all. Comes back as
/// `instant_acme::Error::Other`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("{said}")]
    RateLimited { until: Option<Timestamp>, said: String },
    #[error("{said}")]
    Unavailable { until: Option<Timestamp>, said: String },
    /// An error without a problem document, or a redirect.
    #[error("it answered {status}: {said}")]
    Unexpected { status: u16, said: String },
    /// The certificate of the CA's HTTPS is not good.
    #[error("{said}")]
    Untrusted { said: String },
    #[error("the CA's URL {url} leads to another origin")]
    Foreign { url: Url },
    #[error("the CA gave {text:?} as an address, which is no https URL")]
    NoAddress { text: String },
    /// The directory is elsewhere now; it is not followed automatically.
    #[error("{from} answers {status} and points to {to}")]
    Moved { from: Url, to: Url, status: u16 },
}

impl Obstacle {
    /// The CA has answered, and named its time if it is busy; without one it may be at work on the
    /// request all the same.
    pub fn is_an_answer(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unexpected { .. }
            | Self::Moved { .. }
            | Self::Unavailable { until: Some(_), .. } => true,
            Self::Unavailable { until: None, .. }
            | Self::Untrusted { .. }
            | Self::Foreign { .. }
            | Self::NoAddress { .. } => false,
        }
    }
}

pub struct Settings {
    pub origins: Vec<Origin>,
    pub roots: RootCertStore,
    pub user_agent: HeaderValue,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
}

/// What is read of a directory here (RFC 8555 §7.1.1); the library reads the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Without it this is no directory.
    #[serde(rename = "newOrder")]
    _new_order: String,
    /// RFC 9773 §3
    #[serde(default)]
    pub renewal_info: Option<String>,
    #[serde(default)]
    pub meta: ListingMeta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListingMeta {
    #[serde(default)]
    pub caa_identities: Vec<String>,
    /// Name and description of each profile (draft-aaron-acme-profiles).
    #[serde(default)]
    pub profiles: BTreeMap<String, String>,
}

/// Cheap to clone; clones share connections and nonces.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    nonces: NoncePool,
    origins: Vec<Origin>,
    user_agent: HeaderValue,
    request_timeout: Duration,
}

impl Transport {
    pub fn new(settings: Settings) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(settings.roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        // With as many orders in flight as a CA takes, connections that are kept cost both sides
        // less than one HTTP/2 connection: an exchange is one small request and one small answer.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1();
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector.wrap_connector(tcp));
        Ok(Self(Arc::new(Inner {
            http,
            nonces: NoncePool::default(),
            origins: settings.origins,
            user_agent: settings.user_agent,
            request_timeout: settings.request_timeout,
        })))
    }

    /// Reads the CA's directory.
    pub async fn look(&self, directory: &Url) -> Result<Listing, Error> {
        let request = Request::get(directory.as_str()).body(BodyWrapper::default())?;
        let mut answer = self.request(request).await?;
        let body = answer.body.into_bytes().await.map_err(Error::Other)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// The answer to a plain GET, whatever its status: for what the library cannot ask. Not part of
    /// any order's record.
    pub async fn get(&self, url: &Url) -> Result<Response<Bytes>, Obstacle> {
        let request = Request::get(url.as_str()).header(USER_AGENT, self.0.user_agent.clone());
        let request = request
            .body(Full::default())
            .map_err(|error| unavailable(error.to_string()))?;
        let (parts, body) = request.into_parts();
        self.0.check_url(&parts)?;
        self.0.send_in_time(Request::from_parts(parts, body)).await
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner
                .exchange(request)
                .await
                .map_err(|obstacle| Error::Other(Box::new(obstacle)))
        })
    }
}

impl Inner {
    async fn exchange(&self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Obstacle> {
        let (mut parts, body) = request.into_parts();
        // The library asks by HEAD for nothing but a nonce.
        if parts.method == Method::HEAD
            && let Some(nonce) = self.nonces.take()
        {
            return Ok(nonce_answer(&nonce));
        }
        let asked = self.check_url(&parts)?;
        parts.headers.insert(USER_AGENT, self.user_agent.clone());
        let body = body
            .collect()
            .await
            .map(|whole| whole.to_bytes())
            .unwrap_or_else(|never| match never {});
        let (method, url) = (parts.method.clone(), parts.uri.to_string());
        let (at, begun) = (recorder::now(), Instant::now());
        let answer = self
            .send_in_time(Request::from_parts(parts, Full::new(body.clone())))
            .await
            .map(|answer| answers::absolute(answer, &asked));
        let (answer, read) = match answer {
            Ok((answer, read)) => (Ok(answer), read),
            Err(obstacle) => (Err(obstacle), None),
        };
        recorder::write(Raw {
            at,
            method: method.as_str(),
            url,
            request: &body,
            answer: match &answer {
                Ok(answer) => recorded_answer(answer, read),
                Err(obstacle) => RecordedAnswer::Nothing(obstacle.to_string()),
            },
            took: begun.elapsed(),
        });
        self.judge(&method, &asked, answer?)
    }

    /// The address, if it is one of the CA's own.
    fn check_url(&self, parts: &Parts) -> Result<Url, Obstacle> {
        let text = parts.uri.to_string();
        let Ok(url) = Url::parse(&text) else {
            return Err(Obstacle::NoAddress { text });
        };
        if self.origins.contains(&url.origin()) {
            return Ok(url);
        }
        if config::is_usable(&url) {
            Err(Obstacle::Foreign { url })
        } else {
            Err(Obstacle::NoAddress { text })
        }
    }

    async fn send_in_time(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Obstacle> {
        match tokio::time::timeout(self.request_timeout, self.send(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(unavailable(format!(
                "no answer within {} s",
                self.request_timeout.as_secs()
            ))),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Obstacle> {
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| unreachable_because(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_BODY).collect().await;
        let body = body.map_err(|error| unavailable(format!("the answer broke off: {error}")))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    fn judge(&self, method: &Method, asked: &Url, answer: Response<Bytes>) -> Result<BytesResponse, Obstacle> {
        let (mut parts, body) = answer.into_parts();
        let until = retry_after_of(&parts.headers);
        recorder::set_retry_after(until);
        recorder::set_location(location_of(&parts.headers).map(str::to_owned));
        let refused = !parts.status.is_success();
        let problem: Option<instant_acme::Problem> = refused.then(|| serde_json::from_slice(&body).ok()).flatten();
        if method != Method::HEAD {
            self.keep_nonce(&mut parts.headers, problem.as_ref());
        }
        let said = || {
            let detail = problem.as_ref().and_then(|p| p.detail.as_deref());
            detail.map_or_else(|| first_words(&body), redact::paths)
        };
        let (status, no_problem) = (parts.status, problem.as_ref().is_none_or(|p| p.r#type.is_none()));
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(Obstacle::RateLimited { until, said: said() }),
            _ if status.is_server_error() => Err(Obstacle::Unavailable {
                until,
                said: format!("it answered {status}: {}", said()),
            }),
            _ if status.is_redirection() => Err(refuse_redirect(method, asked, &parts, said())),
            _ if status.is_client_error() && no_problem => Err(Obstacle::Unexpected {
                status: status.as_u16(),
                said: said(),
            }),
            _ => Ok(BytesResponse::from(Response::from_parts(parts, Full::new(body)))),
        }
    }

    fn keep_nonce(&self, headers: &mut HeaderMap, problem: Option<&instant_acme::Problem>) {
        let kind = problem.and_then(|problem| problem.r#type.as_deref());
        if kind.is_some_and(|kind| kind.ends_with(":badNonce")) {
            self.nonces.clear();
        }
        let nonce = headers.remove(REPLAY_NONCE);
        if let Some(nonce) = nonce.as_ref().and_then(|value| value.to_str().ok()) {
            self.nonces.put(nonce.to_owned());
        }
    }
}

fn nonce_answer(nonce: &str) -> BytesResponse {
    let mut answer = Response::new(Full::new(Bytes::new()));
    if let Ok(value) = HeaderValue::from_str(nonce) {
        answer.headers_mut().insert(REPLAY_NONCE, value);
    }
    BytesResponse::from(answer)
}

fn location_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(LOCATION)?.to_str().ok()
}

/// What is asked by GET is a directory (RFC 8555 §6.3): it has moved. A signed request says where
/// it was sent, so it cannot be sent on.
fn refuse_redirect(method: &Method, asked: &Url, answer: &http::response::Parts, said: String) -> Obstacle {
    let to = location_of(&answer.headers).and_then(|text| Url::parse(text).ok());
    let status = answer.status.as_u16();
    match to {
        Some(to) if *method == Method::GET => Obstacle::Moved {
            from: asked.clone(),
            to,
            status,
        },
        Some(to) => Obstacle::Unexpected {
            status,
            said: format!("{asked} points to {to}, and a signed request is not sent on"),
        },
        None => Obstacle::Unexpected { status, said },
    }
}

fn recorded_answer(answer: &Response<Bytes>, read: Option<Value>) -> RecordedAnswer<'_> {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let status = answer.status().as_u16();
    if kind.is_some_and(|kind| kind.starts_with("application/pem-certificate-chain")) {
        RecordedAnswer::Chain(status, answer.body().len())
    } else {
        RecordedAnswer::Body(status, answer.body(), read)
    }
}

pub fn retry_after_of(headers: &HeaderMap) -> Option<Timestamp> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after::parse(text(RETRY_AFTER)?, text(DATE), recorder::now())
}

fn unavailable(said: String) -> Obstacle {
    Obstacle::Unavailable { until: None, said }
}

fn unreachable_because(error: &hyper_util::client::legacy::Error) -> Obstacle {
    let mut said = error.to_string();
    let mut untrusted = false;
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        untrusted |= text.contains("invalid peer certificate");
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = inner.source();
    }
    if untrusted {
        Obstacle::Untrusted { said }
    } else {
        unavailable(said)
    }
}

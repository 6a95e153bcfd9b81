//! What one order exchanges with the CA, although all orders share one client.
//!
//! In: every request and answer of the client, by a task-local set around the order's work. Out:
//! exchanges in the order's notes; what the library throws away (`Retry-After`, an order's
//! `expires`). Never: shared between orders.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::{StepContext, SystemClock};
use domain::Timestamp;
use domain::clock::Clock;
use protocol::report::Exchange;
use serde_json::Value;

use super::answers::first_words;
use super::redact;

tokio::task_local! {
    static RECORDER: Arc<Recorder>;
}

struct Recorder {
    ctx: StepContext,
    state: Mutex<RecorderState>,
}

#[derive(Default)]
struct RecorderState {
    tokens: Vec<String>,
    retry_after: Option<Timestamp>,
    expires: Option<Timestamp>,
    no_json: Option<String>,
    location: Option<String>,
    /// A poll that got the same answer as the one before is not written down again.
    last: Option<(String, String)>,
}

/// One HTTP exchange, raw.
pub struct Raw<'a> {
    pub at: Timestamp,
    pub method: &'a str,
    pub url: String,
    pub request: &'a [u8],
    pub answer: RecordedAnswer<'a>,
    pub took: Duration,
}

pub enum RecordedAnswer<'a> {
    Nothing(String),
    /// The raw body, and the same when it is JSON.
    Body(u16, &'a [u8], Option<Value>),
    /// Kept in the product; not repeated here.
    Chain(u16, usize),
}

/// Does the work of one order; what it exchanges goes to the order's notes.
pub async fn around<F: Future>(ctx: &StepContext, work: F) -> F::Output {
    let recorder = Recorder {
        ctx: ctx.clone(),
        state: Mutex::default(),
    };
    RECORDER.scope(Arc::new(recorder), work).await
}

/// The order's clock.
pub fn now() -> Timestamp {
    RECORDER
        .try_with(|recorder| recorder.ctx.now())
        .unwrap_or_else(|_| SystemClock.now())
}

/// The `Retry-After` of the last answer.
pub fn retry_after() -> Option<Timestamp> {
    with(|state| state.retry_after).flatten()
}

pub fn set_retry_after(at: Option<Timestamp>) {
    with(|state| state.retry_after = at);
}

/// The `expires` of the last order that came by (RFC 8555 §7.1.3); the library drops it.
pub fn expires() -> Option<Timestamp> {
    with(|state| state.expires).flatten()
}

/// The `Location` of the last answer: the order that was just placed, also where the library does
/// not give it.
pub fn location() -> Option<String> {
    with(|state| state.location.clone()).flatten()
}

pub fn set_location(url: Option<String>) {
    with(|state| state.location = url);
}

/// The first words of the last answer, if that was no JSON: the library says of it no more than
/// where it ceased to be any.
pub fn no_json() -> Option<String> {
    with(|state| state.no_json.clone()).flatten()
}

pub fn write(raw: Raw<'_>) {
    let _ = RECORDER.try_with(|recorder| {
        let mut state = recorder.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchange) = state.exchange(raw) {
            drop(state);
            recorder.ctx.exchange(exchange);
        }
    });
}

fn with<T>(look: impl FnOnce(&mut RecorderState) -> T) -> Option<T> {
    let of = |recorder: &Arc<Recorder>| look(&mut recorder.state.lock().unwrap_or_else(PoisonError::into_inner));
    RECORDER.try_with(of).ok()
}

impl RecorderState {
    fn exchange(&mut self, raw: Raw<'_>) -> Option<Exchange> {
        let (status, response) = match raw.answer {
            RecordedAnswer::Nothing(why) => (0, format!("({why})")),
            RecordedAnswer::Chain(status, bytes) => (status, format!("(the certificate chain, {bytes} bytes)")),
            RecordedAnswer::Body(status, body, read) => {
                self.no_json = read.is_none().then(|| first_words(body));
                if let Some(value) = &read {
                    self.learn(value);
                }
                (status, redact::body(body, read, &self.tokens))
            }
        };
        let request = redact::request(raw.request, &self.tokens);
        let this = (
            format!("{} {} {request}", raw.method, raw.url),
            format!("{status} {response}"),
        );
        if self.last.as_ref() == Some(&this) {
            return None;
        }
        self.last = Some(this);
        Some(Exchange {
            at: raw.at,
            method: raw.method.to_owned(),
            url: raw.url,
            request,
            status,
            response,
            took_ms: u32::try_from(raw.took.as_millis()).unwrap_or(u32::MAX),
        })
    }

    fn learn(&mut self, value: &Value) {
        for token in redact::tokens_in(value) {
            if !self.tokens.contains(&token) {
                self.tokens.push(token);
            }
        }
        if value.get("finalize").is_some() {
            let expires = value.get("expires").and_then(Value::as_str);
            // What is no instant is as good as none: the order lives as long as the CA says when it
            // is asked.
            self.expires = expires.and_then(|text| text.parse().ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"status":"pending","expires":"2026-12-01T18:00:00Z","finalize":"https://ca.example.org/f/1",
        "identifiers":[{"type":"dns","value":"www.example.org"}],"authorizations":["https://ca.example.org/a/1"],
        "challenges":[{"type":"http-01","url":"https://ca.example.org/c/1","token":"tok-EN_1","status":"pending"}],
        "error":{"type":"urn:ietf:params:acme:error:dns","detail":"no","status":400,"subproblems":[]}}"#;

    fn record(body: &[u8]) -> (RecorderState, Option<Exchange>) {
        let mut state = RecorderState::default();
        let raw = Raw {
            at: Timestamp::EPOCH,
            method: "POST",
            url: "https://ca.example.org/o/1".to_owned(),
            request: body,
            answer: RecordedAnswer::Body(200, body, serde_json::from_slice(body).ok()),
            took: Duration::MAX,
        };
        let exchange = state.exchange(raw);
        (state, exchange)
    }

    #[test]
    fn an_expiry_that_no_calendar_has_is_as_good_as_none() {
        let expires = |text: &str| record(ORDER.replace("2026-12-01T18:00:00Z", text).as_bytes()).0.expires;
        assert!(expires("2026-12-01T18:00:00Z").is_some());
        for outside in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59", "soon"] {
            assert_eq!(expires(outside), None, "{outside}");
        }
    }

    #[test]
    fn what_a_proxy_sends_can_be_kept() {
        let (_, exchange) = record(b"\x1f\x8b\x08\0\0\x1b[2J<html>\r\n");
        let kept = exchange.expect("it is news").cleaned();
        assert!(!kept.response.contains(['\0', '\u{1b}', '\r']), "{kept:?}");
    }

    mod fuzz {
        use super::*;

        #[test]
        fn answers_of_cas() {
            let seeds = [
                ORDER.as_bytes().to_vec(),
                br#"{"newNonce":"https://ca.example.org/n","newAccount":"https://ca.example.org/a","newOrder":"https://ca.example.org/o","revokeCert":"https://ca.example.org/r","keyChange":"https://ca.example.org/k","renewalInfo":"https://ca.example.org/i","meta":{"termsOfService":"https://ca.example.org/t","caaIdentities":["ca.example.org"],"profiles":{"p":"d"}}}"#.to_vec(),
                br#"{"identifier":{"type":"dns","value":"www.example.org"},"status":"valid","expires":"2026-12-01T18:00:00Z","challenges":[],"wildcard":true}"#.to_vec(),
            ];
            ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "acme", &seeds, |input| {
                let (state, exchange) = record(input);
                if let Some(exchange) = exchange {
                    let kept = exchange.cleaned();
                    let written = serde_json::to_vec(&kept).expect("it can be reported");
                    assert!(!domain::text::has_nul(&written), "it cannot be kept");
                    let told = state
                        .tokens
                        .iter()
                        .filter(|token| kept.response.contains(token.as_str()));
                    let told: Vec<&String> = told.filter(|token| token.len() > 20).collect();
                    assert!(told.is_empty(), "{told:?}");
                }
                let _ = serde_json::from_slice::<instant_acme::OrderState>(input);
                let _ = serde_json::from_slice::<instant_acme::AuthorizationState>(input);
                if let Ok(problem) = serde_json::from_slice::<instant_acme::Problem>(input) {
                    let _ = crate::ca::acme::translate::problem(&problem).to_string();
                }
            });
        }
    }
}

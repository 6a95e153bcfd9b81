//! What one order exchanges with the CA, although all orders share one client.
//!
//! In: every request and answer of the client, by a task-local set around the order's work. Out: exchanges in the
//! order's notes; what the library throws away (`Retry-After`, an order's `expires`). Never: shared between orders.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::{StepContext, SystemClock};
use domain::Timestamp;
use domain::clock::Clock;
use protocol::report::Exchange;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::redact;

tokio::task_local! {
    static RECORDER: Arc<Recorder>;
}

struct Recorder {
    ctx: StepContext,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    tokens: Vec<String>,
    retry_after: Option<Timestamp>,
    expires: Option<Timestamp>,
    /// A poll that got the same answer as the one before is not written down again.
    last: Option<(String, String)>,
}

/// One HTTP exchange, raw.
pub struct Raw<'a> {
    pub at: Timestamp,
    pub method: &'a str,
    pub url: String,
    pub request: &'a [u8],
    pub answer: Answer<'a>,
    pub took: Duration,
}

pub enum Answer<'a> {
    Nothing(&'a str),
    Body(u16, &'a [u8]),
    /// Kept in the product; not repeated here.
    Chain(u16, usize),
}

/// Does the work of one order; what it exchanges goes to the order's notes.
pub async fn around<F: Future>(ctx: &StepContext, work: F) -> F::Output {
    let recorder = Recorder {
        ctx: ctx.clone(),
        seen: Mutex::default(),
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
    with(|seen| seen.retry_after).flatten()
}

pub fn set_retry_after(at: Option<Timestamp>) {
    with(|seen| seen.retry_after = at);
}

/// The `expires` of the last order that came by (RFC 8555 §7.1.3); the library drops it.
pub fn expires() -> Option<Timestamp> {
    with(|seen| seen.expires).flatten()
}

pub fn write(raw: &Raw<'_>) {
    let _ = RECORDER.try_with(|recorder| {
        let mut seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchange) = seen.exchange(raw) {
            drop(seen);
            recorder.ctx.exchange(exchange);
        }
    });
}

fn with<T>(look: impl FnOnce(&mut Seen) -> T) -> Option<T> {
    let of = |recorder: &Arc<Recorder>| look(&mut recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
    RECORDER.try_with(of).ok()
}

impl Seen {
    fn exchange(&mut self, raw: &Raw<'_>) -> Option<Exchange> {
        let (status, response) = match &raw.answer {
            Answer::Nothing(why) => (0, format!("({why})")),
            Answer::Chain(status, bytes) => (*status, format!("(the certificate chain, {bytes} bytes)")),
            Answer::Body(status, body) => {
                let read = serde_json::from_slice::<Value>(body).ok();
                if let Some(value) = &read {
                    self.learn(value);
                }
                (*status, redact::body(body, read, &self.tokens))
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
            url: raw.url.clone(),
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
            let instant = expires.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
            self.expires = instant.map(Timestamp::new);
        }
    }
}

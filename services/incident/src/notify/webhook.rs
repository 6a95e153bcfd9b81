//! Events as JSON to one URL, signed, so that the receiver knows whose they are and that they are
//! fresh.
//!
//! `Vigilo-Signature: v1=<hex of HMAC-SHA256 over "<Vigilo-Timestamp>.<body>">`. The receiver
//! computes the same with the shared secret, compares in constant time, and refuses a timestamp
//! that is minutes old. `Vigilo-Delivery` stays the same when a delivery is repeated.

use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use bus::SystemClock;
use domain::Timestamp;
use domain::channel::{ChannelBody, WebhookChannel};
use domain::clock::Clock;
use domain::incident::Recipient;
use domain::run::Check;
use domain::text::clean;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{ChannelError, Letter, Notifier, error_chain};

const PATIENCE: Duration = Duration::from_secs(15);
/// The longest wait, whatever a receiver asks for: a person waits to be notified.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// As much of an answer as an error shows.
const SHOWN: usize = 200;
/// As much of it as is read: a character has four bytes at most.
const READ: usize = 4 * SHOWN;

pub struct Webhook {
    config: WebhookChannel,
    client: reqwest::Client,
}

impl Webhook {
    pub fn new(config: WebhookChannel) -> Result<Self, ChannelError> {
        let mut builder = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none());
        if let Some(file) = &config.root_file {
            let unusable =
                |why: String| ChannelError::Misconfigured(format!("webhook.root_file: {}: {why}", file.display()));
            let pem = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
            let root = reqwest::Certificate::from_pem(&pem).map_err(|e| unusable(error_chain(&e)))?;
            builder = builder.tls_certs_merge([root]);
        }
        let client = builder
            .build()
            .map_err(|e| ChannelError::Misconfigured(format!("webhook: {}", error_chain(&e))))?;
        Ok(Self { config, client })
    }

    /// Where it goes, without what may be a secret in its path.
    fn place(&self) -> String {
        self.config.url.origin().ascii_serialization()
    }

    fn secret(&self) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        let file = self.config.secret_file.display();
        let unusable = |why: String| ChannelError::Misconfigured(format!("webhook.secret_file: {file}: {why}"));
        let text = chassis::secret_file::read(&self.config.secret_file).map_err(unusable)?;
        Ok(Zeroizing::new(text.trim_end().as_bytes().to_vec()))
    }
}

/// However much the other side sends, a few lines of it are read.
async fn beginning(mut answer: reqwest::Response) -> String {
    let mut read = Vec::new();
    while read.len() < READ
        && let Ok(Some(part)) = answer.chunk().await
    {
        read.extend_from_slice(&part);
    }
    clean(String::from_utf8_lossy(&read).chars().take(SHOWN).collect::<String>())
}

/// What the receiver computes too.
pub fn signature(secret: &[u8], timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    format!("v1={}", hex::encode(tag))
}

#[async_trait]
impl Notifier for Webhook {
    async fn deliver(&self, letter: &Letter) -> Result<(), ChannelError> {
        let place = self.place();
        let body = letter.event.to_string();
        let timestamp = SystemClock.now().get().unix_timestamp();
        let request = self
            .client
            .post(self.config.url.clone())
            .header("content-type", "application/json")
            .header("vigilo-event", &letter.kind)
            .header("vigilo-delivery", letter.id.to_string())
            .header("vigilo-timestamp", timestamp.to_string())
            .header("vigilo-signature", signature(&self.secret()?, timestamp, &body))
            .body(body);
        // The URL may hold a token: it is in no message.
        let sent = request.send().await.map_err(reqwest::Error::without_url);
        let answer =
            sent.map_err(|e| ChannelError::Unreachable(format!("the webhook at {place}: {}", error_chain(&e))))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let until = asked_wait(answer.headers(), SystemClock.now());
        let text = beginning(answer).await;
        let said = format!("the webhook at {place} answered {status}: {text}");
        Err(match (status.as_u16(), until) {
            (429 | 503, Some(until)) => ChannelError::Later { said, until },
            (status, _) => translated(status, said),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the id of a letter that is no notification")]
    async fn rehearse(&self, _names: &[String]) -> Vec<Check> {
        let ping = Letter {
            id: Uuid::now_v7(),
            to: Recipient {
                channel: self.config.kind(),
                name: self.config.url.origin().ascii_serialization(),
            },
            subject: String::new(),
            text: String::new(),
            kind: "ping".to_owned(),
            event: json!({"schema": 1, "event": "ping"}),
        };
        let question = "the webhook answers a signed ping";
        vec![match self.deliver(&ping).await {
            Ok(()) => Check::tick(question, self.place()),
            Err(error) => Check::cross(question, error.to_string()),
        }]
    }
}

fn translated(status: u16, said: String) -> ChannelError {
    match status {
        401 | 403 => ChannelError::Denied(said),
        400 | 404 | 410 | 413 | 422 => ChannelError::Refused(said),
        _ => ChannelError::Unreachable(said),
    }
}

/// Until when the receiver wants to be left alone: seconds, or a date (RFC 9110 §10.2.3). A past
/// one says nothing.
fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = match text.parse::<u64>() {
        Ok(seconds) => now.plus(Duration::from_secs(seconds).min(LONGEST_WAIT)),
        Err(_) => {
            let date = OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()?;
            Timestamp::new(date)?.min(now.plus(LONGEST_WAIT))
        }
    };
    (until > now).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_that_is_asked_for_is_read_as_seconds_or_a_date() {
        let now = Timestamp::from_unix(1_700_000_000).expect("an instant");
        let until = |text: &str| {
            let value = text.parse().expect("a header");
            asked_wait(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
        };
        let after = |seconds| Some(now.plus(Duration::from_secs(seconds)));
        assert_eq!(until("120"), after(120));
        // Ten minutes after `now`.
        assert_eq!(until("Tue, 14 Nov 2023 22:23:20 GMT"), after(600));
        assert_eq!(until("99999999999"), after(3600), "somebody waits to be told");
        for nothing in ["0", "soon", "Tue, 14 Nov 2023 22:13:19 GMT"] {
            assert_eq!(until(nothing), None, "{nothing}");
        }
    }

    /// Computed with `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_what_openssl_computes() {
        let signed = signature(b"secret", 1_700_000_000, r#"{"a":1}"#);
        assert_eq!(signed, format!("v1={}", OPENSSL));
        assert_ne!(signed, signature(b"secret", 1_700_000_001, r#"{"a":1}"#));
        assert_ne!(signed, signature(b"other", 1_700_000_000, r#"{"a":1}"#));
    }

    const OPENSSL: &str = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
}

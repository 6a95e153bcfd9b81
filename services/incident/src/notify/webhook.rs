//! Events as JSON to one URL, signed, so that the receiver knows whose they are and that they are fresh.
//!
//! `Vigilo-Signature: v1=<hex of HMAC-SHA256 over "<Vigilo-Timestamp>.<body>">`. The receiver computes the same with the
//! shared secret, compares in constant time, and refuses a timestamp that is minutes old. `Vigilo-Delivery` stays the same
//! when a delivery is repeated.

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::hmac;
use bus::SystemClock;
use domain::clock::Clock;
use domain::incident::{Channel, Recipient};
use domain::run::Check;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{ChannelError, Letter, Notifier, whole};
use crate::intake::WEBHOOK;

const PATIENCE: Duration = Duration::from_secs(15);
/// As much of an answer as an error shows.
const SHOWN: usize = 200;

/// `[webhook]` of the configuration.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    pub url: Url,
    pub secret_file: PathBuf,
    #[serde(default)]
    pub root_file: Option<PathBuf>,
}

pub struct Webhook {
    config: WebhookConfig,
    client: reqwest::Client,
}

impl Webhook {
    pub fn new(config: WebhookConfig) -> Result<Self, ChannelError> {
        let mut builder = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none());
        if let Some(file) = &config.root_file {
            let unusable =
                |why: String| ChannelError::Misconfigured(format!("webhook.root_file: {}: {why}", file.display()));
            let pem = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
            let root = reqwest::Certificate::from_pem(&pem).map_err(|e| unusable(whole(&e)))?;
            builder = builder.tls_certs_merge([root]);
        }
        let client = builder
            .build()
            .map_err(|e| ChannelError::Misconfigured(format!("webhook: {}", whole(&e))))?;
        Ok(Self { config, client })
    }

    /// Where it goes, without what may be a secret in its path.
    fn place(&self) -> String {
        self.config.url.origin().ascii_serialization()
    }

    fn secret(&self) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        let file = self.config.secret_file.display();
        let unusable = |why: String| ChannelError::Misconfigured(format!("webhook.secret_file: {file}: {why}"));
        let text = std::fs::read(&self.config.secret_file).map_err(|e| unusable(e.to_string()))?;
        let secret = Zeroizing::new(text.trim_ascii_end().to_vec());
        if secret.is_empty() {
            return Err(unusable("it is empty; put a long random text into it".to_owned()));
        }
        Ok(secret)
    }
}

/// What the receiver computes too.
pub fn signature(secret: &[u8], timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    format!("v1={}", hex::encode(tag))
}

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
        let answer = sent.map_err(|e| ChannelError::Unreachable(format!("the webhook at {place}: {}", whole(&e))))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        let text: String = text.chars().take(SHOWN).collect();
        let said = format!("the webhook at {place} answered {status}: {text}");
        Err(match status.as_u16() {
            401 | 403 => ChannelError::Denied(said),
            400 | 404 | 410 | 413 | 422 => ChannelError::Refused(said),
            _ => ChannelError::Unreachable(said),
        })
    }

    async fn rehearse(&self, _names: &[String]) -> Vec<Check> {
        let ping = Letter {
            id: Uuid::now_v7(),
            to: Recipient {
                channel: Channel::Webhook,
                name: WEBHOOK.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

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

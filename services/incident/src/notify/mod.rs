//! How people and machines are told: one file per channel.
//!
//! In: letters; the settings of channels. Out: letters delivered, or why not, by what can be done about it. Never: a second try
//! of its own; when that is, is the courier's to say.

pub mod channels;
pub mod email;
pub mod webhook;

use async_trait::async_trait;
use domain::Timestamp;
use domain::incident::Recipient;
use domain::run::Check;
use domain::text::clean_line;
use domain::zone::Zone;
use serde_json::Value;
use uuid::Uuid;

/// One message to one recipient. `text` is for people, `event` for machines; both say the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Stays the same when it is tried again, so that a receiver can tell a repetition.
    pub id: Uuid,
    pub to: Recipient,
    pub subject: String,
    pub text: String,
    /// For example `incident.opened`.
    pub kind: String,
    pub event: Value,
}

impl Letter {
    /// With the instants for people in this zone; machines read UTC.
    #[must_use]
    pub fn told_in(self, zone: &Zone) -> Self {
        Self {
            subject: zone.tell(&self.subject),
            text: zone.tell(&self.text),
            ..self
        }
    }
}

/// Why a letter was not delivered; each names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    #[error("{0}")]
    Unconfigured(String),
    /// A key of the configuration, or a file that it names, cannot be used.
    #[error("{0}")]
    Misconfigured(String),
    #[error("{0}")]
    Unreachable(String),
    /// The other side does not take our word for who we are.
    #[error("{0}")]
    Denied(String),
    /// The other side is there, and wants to be left alone until then (429 or 503 with Retry-After).
    #[error("{said}; it wants no other before {until}")]
    Later { said: String, until: Timestamp },
    /// The other side will never take this letter.
    #[error("{0}")]
    Refused(String),
}

/// One channel, whatever its kind.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Hands the letter over. May be called again for the same letter: its id stays.
    async fn deliver(&self, letter: &Letter) -> Result<(), ChannelError>;

    /// Whether these could be told now, one check per question; nothing is sent to them.
    async fn rehearse(&self, names: &[String]) -> Vec<Check>;
}

/// An error in one line: what broke the connection in words of the field, or else with everything that caused it.
pub(crate) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(said) = chassis::tls::cause(error) {
        return clean_line(said);
    }
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    clean_line(said)
}

#[cfg(test)]
mod tests {
    use domain::channel::ChannelKind;

    use super::*;

    #[test]
    fn a_mail_says_instants_in_the_zone_of_its_readers_and_an_event_in_utc() {
        let letter = Letter {
            id: Uuid::nil(),
            to: Recipient {
                channel: ChannelKind::Email,
                name: "ops@example.org".to_owned(),
            },
            subject: "opened: it ends at 2026-12-01T00:00:00Z".to_owned(),
            text: "2026-07-01T22:30:00Z opened\n".to_owned(),
            kind: "incident.opened".to_owned(),
            event: serde_json::json!({ "at": "2026-07-01T22:30:00Z" }),
        };
        let told = letter.clone().told_in(&Zone::named("Europe/Berlin").expect("a zone"));
        assert_eq!(told.subject, "opened: it ends at 2026-12-01 01:00:00 CET");
        assert_eq!(told.text, "2026-07-02 00:30:00 CEST opened\n");
        assert_eq!((told.event, told.kind), (letter.event, letter.kind));
    }
}

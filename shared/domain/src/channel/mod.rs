//! Channels: how people and machines hear of incidents; one file for the settings of each kind.
//!
//! In: settings of the incident service. Out: whether they can be used, and who hears over them. Touches: nothing. Never: a
//! decision that depends on the kind outside this file and the file of the kind.

mod email;
mod webhook;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

pub use email::{EmailChannel, Tls};
pub use webhook::WebhookChannel;

/// One channel with its settings. It has no `Debug`: an address may be a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Channel {
    Email(EmailChannel),
    Webhook(WebhookChannel),
}

impl Channel {
    /// The settings of its kind. The only match on it outside the service that delivers.
    pub fn body(&self) -> &dyn ChannelBody {
        match self {
            Self::Email(email) => email,
            Self::Webhook(webhook) => webhook,
        }
    }
}

/// What every kind of channel says of itself.
pub trait ChannelBody {
    /// What the types alone cannot refuse; the field of the refusal is one of the channel.
    fn check(&self) -> Result<(), Invalid>;

    fn kind(&self) -> ChannelKind;

    fn reaches(&self) -> Reach;
}

/// Who hears over a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The addresses that policies name.
    Addresses,
    /// One receiver, who hears of every incident; called so, because its address may be a secret.
    One(&'static str),
}

/// The word of a channel's kind, as notifications are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    Email,
    Webhook,
}

impl ChannelKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// Whether people read it: they get several changes in one letter, machines get each by itself.
    pub const fn is_for_people(self) -> bool {
        match self {
            Self::Email => true,
            Self::Webhook => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<Channel> {
        let email = serde_json::json!({
            "kind": "email", "host": "mail.example.org", "port": 587, "tls": "starttls", "from": "v@example.org",
        });
        let webhook = serde_json::json!({"kind": "webhook", "url": "https://hooks.example.org/", "secret_file": "/s"});
        [email, webhook]
            .into_iter()
            .map(|one| serde_json::from_value(one).expect("a channel"))
            .collect()
    }

    #[test]
    fn a_channel_is_of_the_kind_that_it_is_written_with() {
        for channel in each() {
            let written = serde_json::to_value(&channel).expect("JSON");
            let kind = channel.body().kind();
            assert_eq!(written["kind"], kind.as_str());
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
            assert_eq!(channel.body().check(), Ok(()));
        }
    }
}

//! The channels that are configured.
//!
//! In: their settings. Out: for each letter the channel that it goes over. Never: two channels of one kind: a recipient is stored
//! with the kind alone.

use custody::Custody;
use domain::channel::{Channel, ChannelKind, Reach};
use domain::incident::Recipient;

use super::email::Email;
use super::webhook::Webhook;
use super::{ChannelError, Letter, Notifier};

pub struct Channels {
    all: Vec<Configured>,
}

/// One channel, ready for use.
pub struct Configured {
    pub kind: ChannelKind,
    pub reaches: Reach,
    pub notifier: Box<dyn Notifier>,
}

impl Channels {
    /// What delivers over this channel. The only match on its kind in this service.
    pub fn of(channel: &Channel, custody: &Custody) -> Result<Box<dyn Notifier>, ChannelError> {
        Ok(match channel {
            Channel::Email(email) => Box::new(Email::new(email.clone(), custody.clone())?),
            Channel::Webhook(webhook) => Box::new(Webhook::new(webhook.clone())?),
        })
    }

    pub fn new(settings: &[Channel], custody: &Custody) -> Result<Self, ChannelError> {
        let configured = settings.iter().map(|channel| {
            let body = channel.body();
            Ok(Configured {
                kind: body.kind(),
                reaches: body.reaches(),
                notifier: Self::of(channel, custody)?,
            })
        });
        let all = configured.collect::<Result<_, ChannelError>>()?;
        Ok(Self { all })
    }

    pub fn all(&self) -> &[Configured] {
        &self.all
    }

    /// Whoever hears of every incident.
    pub fn always_told(&self) -> Vec<Recipient> {
        let one = |channel: &Configured| match channel.reaches {
            Reach::Addresses => None,
            Reach::One(name) => Some(Recipient {
                channel: channel.kind,
                name: name.to_owned(),
            }),
        };
        self.all.iter().filter_map(one).collect()
    }

    pub async fn deliver(&self, letter: &Letter) -> Result<(), ChannelError> {
        let kind = letter.to.channel;
        match self.all.iter().find(|channel| channel.kind == kind) {
            Some(channel) => channel.notifier.deliver(letter).await,
            None => Err(ChannelError::Unconfigured(format!(
                "{} is to be told, but the incident service has {}; set it in its configuration",
                letter.to.name,
                missing(kind)
            ))),
        }
    }
}

/// In words, where its settings would stand.
pub fn missing(kind: ChannelKind) -> String {
    format!("no channel of the kind {} (channels, or its own table)", kind.as_str())
}

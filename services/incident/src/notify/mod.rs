//! How people and machines are told: one file per channel.

pub mod email;
pub mod webhook;

use std::future::Future;

use domain::incident::Recipient;
use domain::run::Check;
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
    /// The other side will never take this letter.
    #[error("{0}")]
    Refused(String),
}

pub trait Notifier: Send + Sync + 'static {
    /// Hands the letter over. May be called again for the same letter: its id stays.
    fn deliver(&self, letter: &Letter) -> impl Future<Output = Result<(), ChannelError>> + Send;

    /// Whether these could be told now, one check per question; nothing is sent to them.
    fn rehearse(&self, names: &[String]) -> impl Future<Output = Vec<Check>> + Send;
}

/// An error with everything that caused it, in one line.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    said
}

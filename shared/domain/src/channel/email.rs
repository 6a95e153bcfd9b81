//! E-mail by SMTP.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChannelBody, ChannelKind, Reach};
use crate::invalid::Invalid;
use crate::secret::Envelope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// From the first byte (RFC 8314), port 465 as a rule.
    Required,
    /// The connection must be upgraded before anything else is said.
    Starttls,
    None,
}

/// A mail server that takes our mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChannel {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// The sender, such as `Vigilo <vigilo@example.org>`.
    pub from: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    pub password_sealed: Option<Envelope>,
    /// The CA of its certificate, when it is a private one.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
}

impl ChannelBody for EmailChannel {
    fn check(&self) -> Result<(), Invalid> {
        // Names without a dot, such as localhost, are good enough for a mail server.
        if self.host.is_empty() || self.host.contains(char::is_whitespace) {
            let problem = format!("{:?} is no name of a server", self.host);
            return Err(Invalid::new("host", problem, "give its name or address"));
        }
        if !is_sender(&self.from) {
            let problem = format!("{:?} is no sender", self.from);
            return Err(Invalid::new("from", problem, "give \"Vigilo <vigilo@example.org>\""));
        }
        let user = |problem: &str, remedy: &str| Err(Invalid::new("user", problem, remedy));
        match (&self.user, &self.password_file, &self.password_sealed) {
            (Some(_), Some(_), None) | (Some(_), None, Some(_)) if self.tls == Tls::None => {
                let problem = "none would show the password to the network";
                Err(Invalid::new("tls", problem, "use starttls or required"))
            }
            (Some(_), Some(_), None) | (Some(_), None, Some(_)) | (None, None, None) => Ok(()),
            (Some(_), ..) => user(
                "it has no password, or two",
                "give either password_file or password_sealed with it",
            ),
            (None, ..) => user("a password was given without a user", "give the user, or no password"),
        }
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn reaches(&self) -> Reach {
        Reach::Addresses
    }
}

/// `user@host`, alone or behind a name in angle brackets (RFC 5322 §3.4); whoever sends mail reads it to the letter.
fn is_sender(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, address)) => address.strip_suffix('>'),
        None => Some(text),
    };
    let parts = address.and_then(|address| address.split_once('@'));
    parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting() {
        for (field, value, named) in [
            ("host", serde_json::json!("two words"), "host"),
            ("from", serde_json::json!("Vigilo"), "from"),
            ("from", serde_json::json!("Vigilo <vigilo@"), "from"),
            ("user", serde_json::json!("vigilo"), "user"),
            ("password_file", serde_json::json!("/p"), "user"),
        ] {
            let mut settings =
                serde_json::json!({"host": "localhost", "port": 25, "tls": "none", "from": "v@example.org"});
            settings[field] = value;
            let channel: EmailChannel = serde_json::from_value(settings).expect("settings");
            assert_eq!(channel.check().expect_err(named).field, named);
        }
        let shown = serde_json::json!({
            "host": "localhost", "port": 25, "tls": "none", "from": "v@example.org", "user": "u", "password_file": "/p",
        });
        let shown: EmailChannel = serde_json::from_value(shown).expect("settings");
        assert_eq!(shown.check().expect_err("in clear").field, "tls");
    }
}

//! The configuration of the incident service; `deploy/config/incident.toml` explains every key.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::config::ConfigError;
use domain::backoff::Ladder;
use domain::channel::{Channel, EmailChannel, WebhookChannel};
use domain::zone::Zone;
use serde::{Deserialize, Serialize};
use store::{Access, Database};

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub nats: bus::Connection,
    /// `postgres://user:password@host:port/database`
    pub database_url: String,
    #[serde(default = "connections")]
    pub database_connections: u32,
    #[serde(default)]
    pub database: Access,
    /// In which mails say instants; webhooks say them in UTC.
    #[serde(default)]
    pub timezone: Zone,
    /// How often open incidents are judged again.
    #[serde(default = "a_minute")]
    pub watch_seconds: u32,
    /// How long a notification waits for others that belong to it.
    #[serde(default = "a_moment")]
    pub gather_seconds: u32,
    /// The waits between deliveries that fail.
    #[serde(default = "ladder")]
    pub retry: Ladder,
    /// A notification that could not be delivered for so long is given up.
    #[serde(default = "two_days")]
    pub give_up_hours: u32,
    /// One of each kind at most.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Short for a channel of the kind `email`.
    #[serde(default)]
    pub smtp: Option<EmailChannel>,
    /// Short for a channel of the kind `webhook`.
    #[serde(default)]
    pub webhook: Option<WebhookChannel>,
}

fn connections() -> u32 {
    4
}

fn a_minute() -> u32 {
    60
}

fn a_moment() -> u32 {
    10
}

fn ladder() -> Ladder {
    Ladder {
        rungs_seconds: vec![15, 60, 300, 900],
        then_seconds: 3600,
    }
}

fn two_days() -> u32 {
    48
}

/// The URLs carry secrets.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("nats", &self.nats)
            .finish_non_exhaustive()
    }
}

/// What is done at once is small; what is listed is not.
const STATEMENT: Duration = Duration::from_secs(60);

impl Config {
    pub(crate) fn database(&self) -> Database {
        Database {
            url: self.database_url.clone(),
            connections: self.database_connections,
            access: self.database.clone(),
            statement: STATEMENT,
        }
    }

    pub(crate) fn watch(&self) -> Duration {
        Duration::from_secs(u64::from(self.watch_seconds))
    }

    pub(crate) fn gather(&self) -> Duration {
        Duration::from_secs(u64::from(self.gather_seconds))
    }

    pub(crate) fn patience(&self) -> crate::verdict::Patience {
        crate::verdict::Patience {
            ladder: self.retry.clone(),
            give_up_after: Duration::from_secs(3600 * u64::from(self.give_up_hours)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refused = |problem: &str| Err(ConfigError(problem.to_owned()));
        if self.database_connections == 0 {
            return refused("database_connections: 0 connections reach no database; give 1 or more");
        }
        if self.watch_seconds == 0 {
            return refused("watch_seconds: 0 would judge without a pause; give 1 or more");
        }
        if self.retry.then_seconds == 0 || self.retry.rungs_seconds.contains(&0) {
            return refused("retry: a wait of 0 seconds would hammer the other side; give 1 or more everywhere");
        }
        self.check_channels()
    }

    /// All of them, however they are written.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.named_channels().into_iter().map(|(_, channel)| channel).collect()
    }

    /// Each with the key under which it stands.
    fn named_channels(&self) -> Vec<(String, Channel)> {
        let named = |(index, channel): (usize, &Channel)| (format!("channels[{index}]"), channel.clone());
        let smtp = self
            .smtp
            .clone()
            .map(|email| ("smtp".to_owned(), Channel::Email(email)));
        let webhook = self
            .webhook
            .clone()
            .map(|one| ("webhook".to_owned(), Channel::Webhook(one)));
        let listed = self.channels.iter().enumerate().map(named);
        smtp.into_iter().chain(webhook).chain(listed).collect()
    }

    fn check_channels(&self) -> Result<(), ConfigError> {
        let mut kinds = BTreeMap::new();
        for (key, channel) in self.named_channels() {
            let body = channel.body();
            body.check()
                .map_err(|refused| ConfigError(refused.within(&key).to_string()))?;
            if let Some(first) = kinds.insert(body.kind(), key.clone()) {
                let kind = body.kind().as_str();
                let problem = format!("{key}: {first} is of the kind {kind} already; give one channel of each kind");
                return Err(ConfigError(problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/incident.toml");

    #[test]
    fn the_shipped_file_is_read_and_accepted() {
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        config.check().expect("its values are accepted");
        assert_eq!(config.database_connections, connections());
    }

    /// The shipped file leaves the channels out.
    fn with_channels(mut config: Config) -> Config {
        let smtp = serde_json::json!({"host": "h", "port": 25, "tls": "none", "from": "v@h"});
        let webhook = serde_json::json!({"url": "https://h/", "secret_file": "/s"});
        config.smtp = serde_json::from_value(smtp).expect("a mail server");
        config.webhook = serde_json::from_value(webhook).expect("a webhook");
        config
    }

    #[test]
    fn the_shipped_file_explains_every_key() {
        let text = std::fs::read_to_string(SHIPPED).expect("the shipped file");
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        let all = serde_json::to_value(with_channels(config)).expect("a table");
        let all = all.as_object().expect("a table");
        let tables = all.values().filter_map(serde_json::Value::as_object);
        let own = all.iter().filter(|(_, value)| !value.is_object());
        for (key, _) in own.chain(tables.flatten()) {
            let said = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
            assert!(text.lines().any(said), "{key} is not in the file");
        }
        let tables = all.iter().filter(|(_, value)| value.is_object());
        for (key, _) in tables {
            assert!(text.contains(&format!("[{key}]")), "[{key}] is not in the file");
        }
    }

    fn with(tables: serde_json::Value) -> Result<Vec<Channel>, String> {
        let mut values = serde_json::json!({ "database_url": "postgres://u@h/d" });
        for (key, value) in tables.as_object().into_iter().flatten() {
            values[key] = value.clone();
        }
        let config = chassis::config::from_values::<Config>(values).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config.channels())
    }

    #[test]
    fn a_channel_is_one_of_a_list_or_a_table_of_its_own() {
        let smtp = serde_json::json!({"host": "h", "port": 25, "tls": "none", "from": "v@h"});
        let mut listed = smtp.clone();
        listed["kind"] = "email".into();
        let table = with(serde_json::json!({ "smtp": smtp })).expect("a table");
        assert!(table == with(serde_json::json!({ "channels": [listed] })).expect("a list"));
        for (tables, said) in [
            (
                serde_json::json!({"smtp": smtp, "channels": [listed]}),
                "channels[0]: smtp is of the kind email already",
            ),
            (
                serde_json::json!({"webhook": {"url": "http://h.example.org/", "secret_file": "/s"}}),
                "webhook.url: incidents would travel",
            ),
            (serde_json::json!({"channels": [{"kind": "pigeon"}]}), "pigeon"),
        ] {
            let refused = with(tables).err().expect("refused");
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn faults_are_refused_by_name_and_no_password_is_shown() {
        let none = serde_json::json!({ "database_url": "postgres://u:hush@h/d", "database_connections": 0 });
        let config = chassis::config::from_values::<Config>(none).expect("it parses");
        assert!(!format!("{config:?}").contains("hush"));
        let refused = config.check().expect_err("no connections").to_string();
        assert!(refused.starts_with("database_connections: 0"), "{refused}");
        let unknown = serde_json::json!({ "database_url": "x", "databse": 1 });
        let refused = chassis::config::from_values::<Config>(unknown)
            .expect_err("no such key")
            .to_string();
        assert!(refused.contains("databse"), "{refused}");
    }
}

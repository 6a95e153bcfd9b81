//! The configuration of the console; `deploy/config/console.toml` explains every key.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chassis::config::ConfigError;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const SHORTEST_TOKEN: usize = 16;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub nats: bus::Connection,
    /// `postgres://user:password@host:port/database`
    pub database_url: String,
    #[serde(default = "connections")]
    pub database_connections: u32,
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    /// What the first owner logs in with.
    pub owner_token: String,
    /// A request that takes longer is given up and says so.
    #[serde(default = "five_minutes")]
    pub request_timeout_seconds: u64,
}

fn connections() -> u32 {
    10
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8420).into()
}

fn five_minutes() -> u64 {
    300
}

/// Token and URL are secrets.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("nats", &self.nats)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refused = |problem: &str| Err(ConfigError(problem.to_owned()));
        if self.owner_token.len() < SHORTEST_TOKEN || self.owner_token.chars().any(char::is_whitespace) {
            return refused(
                "owner_token: it has fewer than 16 characters, or a blank in it; make one with `openssl rand -hex 32`",
            );
        }
        if self.database_connections == 0 {
            return refused("database_connections: 0 connections reach no database; give 1 or more");
        }
        if self.request_timeout_seconds == 0 {
            return refused("request_timeout_seconds: 0 seconds answer nothing; give 1 or more");
        }
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) async fn bind(&self) -> Result<TcpListener, ConfigError> {
        TcpListener::bind(self.listen).await.map_err(|e| {
            let problem = format!(
                "listen {}: {e}; give an address and port that nothing else uses",
                self.listen
            );
            ConfigError(problem)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/console.toml");

    fn with(key: &str, value: Value) -> Result<Config, ConfigError> {
        let mut values = json!({ "database_url": "postgres://u:hush@h/d", "owner_token": "0123456789abcdef" });
        values[key] = value;
        let config: Config = chassis::config::from_values(values)?;
        config.check().map(|()| config)
    }

    #[test]
    fn the_shipped_file_is_read_and_wants_a_token_of_ones_own() {
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        assert_eq!(
            (config.listen, config.database_connections),
            (loopback(), connections())
        );
        assert_eq!(config.request_timeout_seconds, five_minutes());
        let refused = config.check().expect_err("the shipped token is no secret").to_string();
        assert!(refused.starts_with("owner_token: "), "{refused}");
    }

    #[test]
    fn the_shipped_file_explains_every_key() {
        let text = std::fs::read_to_string(SHIPPED).expect("the shipped file");
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        let all = serde_json::to_value(&config).expect("a table");
        let nats = all["nats"].as_object().expect("a table of nats").keys();
        let own = all.as_object().expect("a table").keys().filter(|key| *key != "nats");
        for key in own.chain(nats) {
            let said = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
            let line = text
                .lines()
                .position(said)
                .unwrap_or_else(|| panic!("{key} is not in the file"));
            let before = text.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
            assert!(before.starts_with("# "), "{key} has no comment above it");
        }
    }

    #[test]
    fn faults_are_refused_by_name() {
        for (key, value) in [
            ("owner_token", json!("short")),
            ("owner_token", json!("with a blank in it")),
            ("database_connections", json!(0)),
            ("request_timeout_seconds", json!(0)),
            ("listen", json!("here")),
            ("colour", json!("red")),
        ] {
            let refused = with(key, value).expect_err(key).to_string();
            assert!(refused.contains(key), "{key}: {refused}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let shown = format!("{:?}", with("listen", json!("127.0.0.1:0")).expect("a good one"));
        assert!(
            !shown.contains("0123456789abcdef") && !shown.contains("hush"),
            "{shown}"
        );
    }

    #[tokio::test]
    async fn a_taken_port_names_the_key() {
        let first = with("listen", json!("127.0.0.1:0"))
            .expect("a good one")
            .bind()
            .await
            .expect("a port");
        let taken = first.local_addr().expect("an address").to_string();
        let refused = with("listen", json!(taken))
            .expect("a good one")
            .bind()
            .await
            .expect_err("it is taken");
        assert!(refused.to_string().contains(&format!("listen {taken}")), "{refused}");
    }
}

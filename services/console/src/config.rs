//! The configuration of the console; `deploy/config/console.toml` explains every key.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chassis::config::ConfigError;
use chassis::http::Limits;
use serde::{Deserialize, Serialize};
use store::{Access, Database};
use tokio::net::TcpListener;

const SHORTEST_TOKEN: usize = 16;
/// Of one request there are several.
const LONGEST_STATEMENT: Duration = Duration::from_secs(120);

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
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    /// Connections that are open at a time.
    #[serde(default = "many")]
    pub connections: u32,
    /// Of them, those of one address; this machine itself may have all.
    #[serde(default = "some")]
    pub connections_of_one_address: u32,
    /// What the first owner logs in with.
    pub owner_token: String,
    /// A request that takes longer is given up and says so.
    #[serde(default = "five_minutes")]
    pub request_timeout_seconds: u64,
    /// A disk on this machine whose room is part of the health.
    #[serde(default)]
    pub disk: Option<Disk>,
}

/// Where the engines store, when that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub path: PathBuf,
    /// Less is `low`.
    #[serde(default = "half_a_gib")]
    pub low_mib: u64,
}

fn half_a_gib() -> u64 {
    512
}

fn connections() -> u32 {
    10
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8420).into()
}

fn many() -> u32 {
    1_024
}

fn some() -> u32 {
    128
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
        if self.connections == 0 || self.connections_of_one_address == 0 {
            return refused("connections, connections_of_one_address: 0 connections serve no client; give 1 or more");
        }
        if self.request_timeout_seconds == 0 {
            return refused("request_timeout_seconds: 0 seconds answer nothing; give 1 or more");
        }
        Ok(())
    }

    /// What was given up here is given up there.
    pub(crate) fn database(&self) -> Database {
        Database {
            url: self.database_url.clone(),
            connections: self.database_connections,
            access: self.database.clone(),
            statement: self.timeout().min(LONGEST_STATEMENT),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let number = |configured: u32| usize::try_from(configured).unwrap_or(usize::MAX);
        Limits {
            connections: number(self.connections),
            of_one_address: number(self.connections_of_one_address),
            head: Duration::from_secs(30),
            stalled: Duration::from_secs(60),
        }
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
        let of_table = |name: &str| all[name].as_object().expect("a table").keys();
        let own = all.as_object().expect("a table").keys();
        let own = own.filter(|key| !["nats", "database"].contains(&key.as_str()));
        for key in own.chain(of_table("nats")).chain(of_table("database")) {
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
            ("connections", json!(0)),
            ("connections_of_one_address", json!(0)),
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

//! The configuration of the incident service; `deploy/config/incident.toml` explains every key.

use chassis::config::ConfigError;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub nats: bus::Connection,
    /// `postgres://user:password@host:port/database`
    pub database_url: String,
    #[serde(default = "connections")]
    pub database_connections: u32,
}

fn connections() -> u32 {
    2
}

/// The URL carries a password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("nats", &self.nats)
            .finish_non_exhaustive()
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.database_connections == 0 {
            let problem = "database_connections: 0 connections reach no database; give 1 or more";
            return Err(ConfigError(problem.to_owned()));
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

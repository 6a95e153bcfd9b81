//! The configuration of the key-signer; `deploy/config/key-signer.toml` explains every key.

use std::path::PathBuf;

use chassis::config::ConfigError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub nats: bus::Connection,
    /// 32 random bytes, readable by this process's user only; the same file in every replica.
    pub root_key_file: PathBuf,
    /// Make the file when it is missing: for the first start on one machine.
    pub create_root_key: bool,
    /// Orders carried out at the same time.
    pub slots: usize,
    /// Open keys for deployers and issuers that show no order of the planner, as versions before
    /// do; never those that are bound to a run.
    pub accept_without_order: bool,
    /// How many questions of custody each service may ask, of this process.
    pub questions_per_minute: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: bus::Connection::default(),
            root_key_file: "root.key".into(),
            create_root_key: false,
            slots: 16,
            accept_without_order: false,
            questions_per_minute: 20_000,
        }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=1024).contains(&self.slots) {
            let problem = format!(
                "slots: {} is out of range; use 1 to 1024 (16 suits two cores)",
                self.slots
            );
            return Err(ConfigError(problem));
        }
        if self.questions_per_minute == 0 {
            let problem =
                "questions_per_minute: 0 lets no service ask; use 1 or more (20000 is above what a fleet asks)";
            return Err(ConfigError(problem.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/key-signer.toml");

    #[test]
    fn the_shipped_file_is_read_and_accepted() {
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        config.check().expect("its values are accepted");
        assert_eq!(config.root_key_file, Path::new("/etc/vigilo/root.key"));
    }

    #[test]
    fn the_shipped_file_explains_every_key() {
        let text = std::fs::read_to_string(SHIPPED).expect("the shipped file");
        let all = serde_json::to_value(Config::default()).expect("a table");
        let nats = all["nats"].as_object().expect("a table of nats").keys();
        let own = all.as_object().expect("a table").keys().filter(|key| *key != "nats");
        for key in own.chain(nats) {
            let line = text
                .lines()
                .position(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
            let line = line.unwrap_or_else(|| panic!("{key} is not in the file"));
            let before = text.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
            assert!(before.starts_with("# "), "{key} has no comment above it");
        }
    }

    #[test]
    fn nothing_at_all_is_refused_by_name() {
        let idle = Config {
            slots: 0,
            ..Config::default()
        };
        let mute = Config {
            questions_per_minute: 0,
            ..Config::default()
        };
        for (config, named) in [(idle, "slots: 0"), (mute, "questions_per_minute: 0")] {
            let refused = config.check().expect_err("nothing would be done");
            assert!(refused.to_string().starts_with(named), "{refused}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let values = serde_json::json!({ "root_key": "x" });
        let refused = chassis::config::from_values::<Config>(values).expect_err("no such key");
        assert!(refused.to_string().contains("root_key"), "{refused}");
    }
}

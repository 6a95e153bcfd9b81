//! The planner's settings.

use std::time::Duration;

use bus::StreamBounds;
use chassis::ConfigError;
use domain::ari::Threshold;
use domain::backoff::Ladder;
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
    /// Reports that are applied in one transaction at most.
    #[serde(default = "batch")]
    pub batch: usize,
    #[serde(default)]
    pub windows: Windows,
    /// The waits between tries of what failed, when the other side does not say how long.
    #[serde(default)]
    pub retry: Ladder,
    #[serde(default)]
    pub schedule: Schedule,
    #[serde(default)]
    pub renewal_info: RenewalInfo,
    #[serde(default)]
    pub retention: Retention,
    /// How much the streams may hold: JetStream reserves that much.
    #[serde(default)]
    pub streams: StreamBounds,
}

/// For how many days the record is kept. What is last known of a host stays, whatever its age.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub snapshots_days: u32,
    /// Log and raw ACME exchange of runs that have ended; their steps and checks stay.
    pub logs_days: u32,
    /// Plans of bulk renewals that were never committed.
    pub plans_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            snapshots_days: 400,
            logs_days: 90,
            plans_days: 7,
        }
    }
}

/// Whether policies renew themselves when they are due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    pub enabled: bool,
    /// Between two looks at the clock, 1 to 3600.
    pub every_seconds: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            enabled: true,
            every_seconds: 60,
        }
    }
}

impl Schedule {
    pub(crate) fn every(self) -> Option<Duration> {
        self.enabled.then(|| Duration::from_secs(u64::from(self.every_seconds)))
    }
}

/// Whether CAs are asked when they want certificates renewed (RFC 9773).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenewalInfo {
    pub enabled: bool,
    /// Questions out at once, 1 to 2000.
    pub at_once: u32,
    /// From when on calls of one CA are an emergency.
    pub emergency: Threshold,
}

impl Default for RenewalInfo {
    fn default() -> Self {
        Self {
            enabled: true,
            at_once: 64,
            emergency: Threshold::default(),
        }
    }
}

impl RenewalInfo {
    pub(crate) fn window(self) -> Option<u32> {
        self.enabled.then_some(self.at_once)
    }
}

/// How many orders may be out at once. The rest waits in Postgres, where cancel and priority act at
/// once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    pub key_signer: u32,
    /// Orders in flight per CA account. A Pebble can hang from six on.
    pub acme_orders_per_ca: u32,
    pub deployer: u32,
    pub verifier: u32,
    pub tidy: u32,
    /// Rehearsals of the channels by which people are told.
    pub incident: u32,
    /// What failed before and is tried again, per service: apart from what is new.
    pub again: u32,
    /// Seconds after which an order that a worker has in flight takes a place of the next three in
    /// place of its own, 1 to 600.
    pub slow_after_seconds: u32,
    pub slow_acme_orders_per_ca: u32,
    pub slow_deployer: u32,
    pub slow_verifier: u32,
    /// Looks at hosts beside the runs.
    pub probes: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            key_signer: 32,
            acme_orders_per_ca: 32,
            deployer: 128,
            verifier: 256,
            tidy: 64,
            incident: 4,
            again: 16,
            slow_after_seconds: 1,
            slow_acme_orders_per_ca: 128,
            slow_deployer: 1_000,
            slow_verifier: 1_000,
            probes: 256,
        }
    }
}

impl Windows {
    pub(crate) fn slow_after(self) -> Duration {
        Duration::from_secs(u64::from(self.slow_after_seconds))
    }
}

fn connections() -> u32 {
    8
}

fn batch() -> usize {
    200
}

/// The URL carries a password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("batch", &self.batch)
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

/// A batch of a plan, or of a job's runs, is thousands of rows.
const STATEMENT: Duration = Duration::from_secs(120);

impl Config {
    pub(crate) fn database(&self) -> Database {
        Database {
            url: self.database_url.clone(),
            connections: self.database_connections,
            access: self.database.clone(),
            statement: STATEMENT,
        }
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        self.windows.check(self.renewal_info.at_once)?;
        self.check_times()?;
        self.check_amounts()?;
        Ok(self)
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let waits = self.retry.rungs_seconds.iter().chain([&self.retry.then_seconds]);
        if self.retry.rungs_seconds.len() > 20 || waits.into_iter().any(|wait| !(1..=604_800).contains(wait)) {
            return Err(ConfigError(
                "retry: give at most 20 rungs_seconds, and waits of 1 to 604800 seconds".to_owned(),
            ));
        }
        if !(1..=3_600).contains(&self.schedule.every_seconds) {
            return Err(ConfigError(format!(
                "schedule.every_seconds: {} is out of range; give 1 to 3600",
                self.schedule.every_seconds
            )));
        }
        let Threshold { certificates, percent } = self.renewal_info.emergency;
        if certificates == 0 || percent > 100 {
            return Err(ConfigError(
                "renewal_info.emergency: give 1 or more certificates, and 0 to 100 percent".to_owned(),
            ));
        }
        Ok(())
    }

    fn check_amounts(&self) -> Result<(), ConfigError> {
        let kept = [
            ("retention.snapshots_days", self.retention.snapshots_days),
            ("retention.logs_days", self.retention.logs_days),
            ("retention.plans_days", self.retention.plans_days),
        ];
        if let Some((key, _)) = kept.into_iter().find(|(_, days)| !(1..=36_500).contains(days)) {
            return Err(ConfigError(format!("{key}: give 1 to 36500 days")));
        }
        if let Some((key, wrong)) = self.streams.fault() {
            return Err(ConfigError(format!(
                "{key}: {wrong} is out of range; give 1 to 1048576 MiB"
            )));
        }
        if !(1..=1_000).contains(&self.batch) {
            return Err(ConfigError(format!(
                "batch: {} is out of range; give 1 to 1000 reports",
                self.batch
            )));
        }
        if self.database_connections < 4 {
            let problem = format!(
                "database_connections: {} is too few; the planner needs 4",
                self.database_connections
            );
            return Err(ConfigError(problem));
        }
        Ok(())
    }
}

impl Windows {
    /// `at_once`: questions to CAs about renewal, which have a window too.
    fn check(&self, at_once: u32) -> Result<(), ConfigError> {
        let Windows {
            key_signer,
            acme_orders_per_ca,
            deployer,
            verifier,
            tidy,
            incident,
            again,
            slow_after_seconds,
            slow_acme_orders_per_ca,
            slow_deployer,
            slow_verifier,
            probes,
        } = *self;
        let windows = [
            ("windows.key_signer", key_signer),
            ("windows.acme_orders_per_ca", acme_orders_per_ca),
            ("windows.deployer", deployer),
            ("windows.verifier", verifier),
            ("windows.tidy", tidy),
            ("windows.incident", incident),
            ("windows.again", again),
            ("windows.probes", probes),
            ("renewal_info.at_once", at_once),
        ];
        if let Some((key, _)) = windows.into_iter().find(|(_, window)| !(1..=2_000).contains(window)) {
            return Err(ConfigError(format!("{key}: a window has 1 to 2000 places")));
        }
        let slow = [
            ("windows.slow_acme_orders_per_ca", slow_acme_orders_per_ca),
            ("windows.slow_deployer", slow_deployer),
            ("windows.slow_verifier", slow_verifier),
        ];
        if let Some((key, _)) = slow.into_iter().find(|(_, places)| *places > 2_000) {
            return Err(ConfigError(format!("{key}: give 0 to 2000 places")));
        }
        if !(1..=600).contains(&slow_after_seconds) {
            return Err(ConfigError("windows.slow_after_seconds: give 1 to 600".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/planner.toml");

    #[test]
    fn the_shipped_file_is_read_and_accepted() {
        let config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        assert!(config.checked().is_ok());
    }

    #[test]
    fn a_retention_of_no_days_is_named() {
        let mut config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        config.retention.logs_days = 0;
        let refused = config.checked().expect_err("nothing would be kept").to_string();
        assert!(refused.starts_with("retention.logs_days"), "{refused}");
    }

    #[test]
    fn a_window_out_of_range_is_named() {
        let mut config: Config = chassis::config::read(Some(Path::new(SHIPPED))).expect("the shipped file parses");
        config.windows.verifier = 0;
        let refused = config.checked().expect_err("no places").to_string();
        assert!(refused.starts_with("windows.verifier"), "{refused}");
    }
}

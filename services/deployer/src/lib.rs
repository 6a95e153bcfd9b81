//! The deployer puts an issued certificate where it is served, and makes the server read it.
//!
//! In: Deploy and Rollback orders, one per target. Out: a receipt with the backups of what was replaced. Touches: the files and the
//! activation of the target, and the key-signer for the one private key of the order. Never: a database, a CA, a
//! shell, a directory that does not exist yet.

mod activate;
pub mod allowed;
pub mod certificate;
pub mod handler;
pub mod keys;
pub mod ready;
mod refused;
pub mod rollback;
pub mod targets;
pub mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::work::Work;
use bus::{Bus, Connection, Signer, SystemClock};
use chassis::Life;
use chassis::config::ConfigError;
use domain::activation::PRESETS;
use domain::clock::Clock;
use protocol::subjects::Worker;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::allowed::{Allowed, OfWorkspace};
use crate::handler::Deploy;
use crate::rollback::Rollback;
use crate::targets::Targets;
use crate::targets::file::Backups;

const DAY: Duration = Duration::from_secs(24 * 3600);
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);

/// `deploy/config/deployer.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub nats: Connection,
    /// Orders that are carried out at the same time.
    pub slots: usize,
    /// Files are written below these directories only; nowhere when empty.
    pub allowed_roots: Vec<PathBuf>,
    /// The activations that every workspace may use without a word of its own.
    pub presets: Vec<String>,
    /// What is allowed to one workspace.
    pub workspaces: BTreeMap<String, OfWorkspace>,
    /// Backups that are kept per file, newest first.
    pub backups_kept: usize,
    /// Backups that are older than so many days are removed.
    pub backup_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: Connection::default(),
            slots: 2_200,
            allowed_roots: Vec::new(),
            presets: PRESETS.map(str::to_owned).to_vec(),
            workspaces: BTreeMap::new(),
            backups_kept: 3,
            backup_days: 30,
        }
    }
}

impl Config {
    fn backups(&self) -> Backups {
        Backups {
            kept: self.backups_kept,
            age: DAY * self.backup_days,
        }
    }

    /// What it allows, or which key cannot be used.
    pub fn check(&self) -> Result<Allowed, ConfigError> {
        if self.slots == 0 {
            return Err(ConfigError(
                "slots: 0 orders at a time is no work; give 1 or more".to_owned(),
            ));
        }
        if self.backups_kept == 0 {
            return Err(ConfigError(
                "backups_kept: 0 leaves nothing to roll back to; give 1 or more".to_owned(),
            ));
        }
        if self.backup_days == 0 {
            return Err(ConfigError(
                "backup_days: 0 leaves nothing to roll back to; give 1 or more".to_owned(),
            ));
        }
        Allowed::read(&self.allowed_roots, &self.presets, &self.workspaces)
    }
}

/// Works until the soft stop, and finishes what is in flight then.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let allowed = config.check()?;
    if allowed.has_no_roots() {
        warn!(
            "allowed_roots names no directory: nothing can be deployed; add, for example, allowed_roots = [\"/etc/nginx/tls\"]"
        );
    }
    config
        .nats
        .believes(&[Signer::Planner, Signer::KeySigner])
        .map_err(ConfigError)?;
    let bus = Bus::connect(&config.nats, "deployer")
        .await
        .context("the deployer needs NATS")?
        .until(life.soft());
    let keys = custody::Custody::new(bus.clone(), Worker::Deployer);
    // One for both: deployments and rollbacks of one moment share their activations.
    let targets = Arc::new(Targets::new(allowed, config.backups()));
    let answering = ready::answer(&bus, Arc::clone(&targets), life.soft());
    let sweeping = sweep(Arc::clone(&targets), life.soft());
    let work = Work::new(bus.clone(), Worker::Deployer, config.slots)
        .handles(Deploy::new(keys, Arc::clone(&targets)))
        .handles(Rollback::new(targets));
    life.ready();
    let working = work.run(life.soft(), life.hard());
    tokio::try_join!(working, answering, async {
        sweeping.await;
        Ok(())
    })?;
    Ok(())
}

/// Old backups go by themselves, at the start and then every few hours.
#[expect(clippy::disallowed_methods, reason = "what is around it ends at a stop")]
async fn sweep(targets: Arc<Targets>, stop: &CancellationToken) {
    let again_and_again = async {
        loop {
            targets.sweep(SystemClock.now()).await;
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    };
    let _stopped: Option<()> = stop.run_until_cancelled(again_and_again).await;
}

//! The deployer puts an issued certificate where it is served, and makes the server read it.
//!
//! In: Deploy and Rollback orders, one per target. Out: a receipt with the backups of what was replaced. Touches: the files and the
//! reload command of the target, and the key-signer for the one private key of the order. Never: a database, a CA, a
//! shell, a directory that does not exist yet.

mod activate;
pub mod certificate;
pub mod handler;
pub mod keys;
pub mod rollback;
pub mod targets;
pub mod verdict;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use bus::work::Work;
use bus::{Bus, Connection};
use chassis::Life;
use chassis::config::ConfigError;
use protocol::subjects::Worker;
use serde::Deserialize;

use crate::handler::Deploy;
use crate::rollback::Rollback;
use crate::targets::file::FileInstaller;

/// `deploy/config/deployer.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub nats: Connection,
    /// Orders that are carried out at the same time.
    pub slots: usize,
    /// Files are written below these directories only; anywhere when empty.
    pub allowed_roots: Vec<PathBuf>,
    /// Backups that are kept per file, newest first.
    pub backups_kept: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: Connection::default(),
            slots: 2_200,
            allowed_roots: Vec::new(),
            backups_kept: 3,
        }
    }
}

impl Config {
    /// The directories of `allowed_roots` without links, or which key cannot be used.
    pub fn check(&self) -> Result<Vec<PathBuf>, ConfigError> {
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
        let root = |(index, path): (usize, &PathBuf)| {
            let found = path.canonicalize().and_then(|found| found.read_dir().map(|_| found));
            found.map_err(|e| {
                let path = path.display();
                ConfigError(format!(
                    "allowed_roots[{index}]: {path}: {e}; give a directory that exists"
                ))
            })
        };
        self.allowed_roots.iter().enumerate().map(root).collect()
    }
}

/// Works until the soft stop, and finishes what is in flight then.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let roots = config.check()?;
    let bus = Bus::connect(&config.nats, "deployer")
        .await
        .context("the deployer needs NATS")?;
    let keys = custody::Custody::new(bus.clone(), Worker::Deployer);
    // One for both: deployments and rollbacks of one moment share their reloads.
    let file = Arc::new(FileInstaller::new(roots, config.backups_kept));
    let work = Work::new(bus, Worker::Deployer, config.slots)
        .handles(Deploy::new(keys, Arc::clone(&file)))
        .handles(Rollback::new(file));
    life.ready();
    work.run(life.soft(), life.hard()).await?;
    Ok(())
}

//! The key-signer: makes the keys of certificates, signs their CSRs, and keeps everybody's secrets.
//!
//! In: PrepareKey orders; custody questions of the other services. Out: a CSR and a sealed key; secrets HPKE-sealed to
//! who may have them. Touches: the root key file, NATS. Never: a database, a CA, a plaintext secret outside its own
//! memory, the content of a secret in a log.

pub mod backends;
pub mod config;
mod csr;
pub mod custody;
pub mod prepare;
pub mod root_key;
mod verdict;

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, Signer};
use chassis::{ConfigError, Life};
use protocol::subjects::Worker;

pub use config::Config;

use crate::backends::Backends;
use crate::backends::local::Local;
use crate::custody::{Custodian, Rules};
use crate::prepare::PrepareHandler;

/// Runs until the soft stop, and finishes what is in flight.
///
/// # Errors
/// For a configuration or root key file that cannot be used, and when NATS cannot be reached.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    config.nats.believes(&[Signer::Planner]).map_err(ConfigError)?;
    config.nats.signs_as(Signer::KeySigner).map_err(ConfigError)?;
    let root = Arc::new(root_key::load(&config.root_key_file, config.create_root_key)?);
    let bus = Bus::connect(&config.nats, "key-signer")
        .await
        .context("nats.url")?
        .until(life.soft());
    let rules = Rules {
        trusted: bus.trusted(),
        accept_without_order: config.accept_without_order,
        questions_per_minute: config.questions_per_minute,
    };
    let custodian = Custodian::new(root.clone(), rules);
    let work = bus::work::Work::new(bus.clone(), Worker::KeySigner, config.slots)
        .handles(PrepareHandler::new(Backends::new(Local::new(root))));
    life.ready();
    tokio::try_join!(custodian.answer(&bus, life.soft()), work.run(life.soft(), life.hard()))?;
    Ok(())
}

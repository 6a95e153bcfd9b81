//! The verifier looks at what hosts really serve, and says whether it is what was issued.
//!
//! In: Verify and Confirm orders, and asks for looks beside any run. Out: snapshots of every
//! address, and checks. Touches: the hosts, by TLS handshakes, and the name service. Never: a
//! database, a private key, an HTTP request.

pub mod confirm;
pub mod findings;
pub mod handler;
pub mod hello;
pub mod judgement;
pub mod lookout;
pub mod presented;
pub mod probe;
mod recorded;
pub mod tally;
pub mod trust;
pub mod verdict;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::inbox::Inbox;
use bus::readers::Reader;
use bus::work::Work;
use bus::{Bus, Connection, Signer};
use chassis::Life;
use chassis::config::ConfigError;
use domain::reach::{Network, Reach};
use protocol::subjects::Worker;
use serde::Deserialize;

use crate::confirm::Confirm;
use crate::handler::Verify;
use crate::lookout::Lookout;
use crate::probe::{Patience, Prober};
use crate::trust::Trust;

/// `deploy/config/verifier.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub nats: Connection,
    /// Orders that are carried out at the same time.
    pub slots: usize,
    /// Hosts that are looked at beside the runs at the same time.
    pub probe_slots: usize,
    /// PEM files of further trust anchors.
    pub trust_files: Vec<PathBuf>,
    /// Whether the machine's own trust anchors count too.
    pub use_native_roots: bool,
    pub connect_timeout_ms: u64,
    pub handshake_timeout_ms: u64,
    /// How long a server may take to serve the new certificate before a person is asked.
    pub patience_ms: u64,
    /// Whether private and loopback addresses are refused.
    pub deny_private: bool,
    /// Of those the networks that may be dialled all the same.
    pub allowed_networks: Vec<Network>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: Connection::default(),
            slots: 2_300,
            probe_slots: 64,
            trust_files: Vec::new(),
            use_native_roots: true,
            connect_timeout_ms: 3_000,
            handshake_timeout_ms: 5_000,
            patience_ms: 20_000,
            deny_private: false,
            allowed_networks: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the trust anchors; says which key cannot be used.
    pub fn prober(&self) -> Result<Prober, ConfigError> {
        let times = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("handshake_timeout_ms", self.handshake_timeout_ms),
            ("patience_ms", self.patience_ms),
        ];
        if let Some((key, _)) = times
            .into_iter()
            .find(|(_, milliseconds)| !(1..=90_000).contains(milliseconds))
        {
            // An order is out for two minutes at most.
            return Err(ConfigError(format!("{key}: give 1 to 90000 milliseconds")));
        }
        if self.slots == 0 {
            return Err(ConfigError(
                "slots: 0 orders at a time is no work; give 1 or more".to_owned(),
            ));
        }
        if !(1..=1_000).contains(&self.probe_slots) {
            return Err(ConfigError("probe_slots: give 1 to 1000 hosts at a time".to_owned()));
        }
        if !self.allowed_networks.is_empty() && !self.deny_private {
            return Err(ConfigError(
                "allowed_networks: it has no effect without deny_private = true; set that, or leave it out".to_owned(),
            ));
        }
        let reach = Reach {
            deny_private: self.deny_private,
            allowed_networks: self.allowed_networks.clone(),
        };
        let trust = Trust::read(&self.trust_files, self.use_native_roots)?;
        let patience = Patience {
            connect: Duration::from_millis(self.connect_timeout_ms),
            handshake: Duration::from_millis(self.handshake_timeout_ms),
        };
        let prober = Prober::new(trust, patience).map_err(|e| ConfigError(format!("TLS cannot be set up: {e}")))?;
        Ok(prober.reaching(reach))
    }
}

/// Works until the soft stop, and finishes what is in flight then.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let prober = Arc::new(config.prober()?);
    config.nats.believes(&[Signer::Planner]).map_err(ConfigError)?;
    let bus = Bus::connect(&config.nats, "verifier")
        .await
        .context("the verifier needs NATS")?
        .until(life.soft());
    let lookout = Lookout::new(Arc::clone(&prober), Duration::from_millis(config.patience_ms));
    let work = Work::new(bus.clone(), Worker::Verifier, config.slots)
        .handles(Verify::new(lookout.clone()))
        .handles(Confirm::new(lookout));
    let asks = Inbox::open(bus.clone(), Reader::probe_asks(), config.probe_slots).await?;
    life.ready();
    let looks = watch::Watch::new(bus, prober).serve_all(asks, config.probe_slots, life.soft());
    // A hard stop leaves looks as they are: they are asked again.
    let looks = async { life.hard().run_until_cancelled(looks).await.unwrap_or(Ok(())) };
    tokio::try_join!(work.run(life.soft(), life.hard()), looks)?;
    Ok(())
}

//! Makes servers use what is installed: the commands of an activation, each run shared by all who
//! wait for one.
//!
//! In: commands of the deployer's own configuration, a timeout. Out: what they printed, or how they
//! failed. Never: a command that came with an order, two runs of one activation at the same time.
//!
//! Orders that name the same activation at the same moment share one run of it: a run that
//! *started* after the files of an order were in place counts for that order. Which of their pairs
//! a server has refused is found out by who is alone with it (`gate`).

mod gate;
mod output;
mod run;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::error::TargetError;
use crate::allowed::Commands;

pub use gate::ActivationLock;
pub use run::program;

use gate::Gate;
use run::Outcome;

/// The activations of one deployer: as many as its configuration names.
#[derive(Default)]
pub struct Activations {
    lanes: Lock<HashMap<(Commands, u32), Arc<Lane>>>,
    gates: Lock<HashMap<Commands, Arc<Gate>>>,
}

#[derive(Default)]
struct Lane {
    tests: Shared,
    activations: Shared,
}

/// Runs of one kind. A caller draws a ticket when its files are as it wants them; a run covers all
/// tickets drawn before its start.
#[derive(Default)]
struct Shared {
    tickets: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    covers: u64,
    outcome: Option<Outcome>,
}

/// What makes the server of one target use its files.
pub struct Activation {
    commands: Commands,
    timeout_seconds: u32,
    lane: Arc<Lane>,
    gate: Arc<Gate>,
}

impl Activations {
    pub fn of(&self, commands: Commands, timeout_seconds: u32) -> Activation {
        let key = (commands.clone(), timeout_seconds);
        Activation {
            lane: locked(&self.lanes).entry(key).or_default().clone(),
            gate: locked(&self.gates).entry(commands.clone()).or_default().clone(),
            commands,
            timeout_seconds,
        }
    }
}

fn locked<T>(lock: &Lock<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Returns after a run that began after this call did.
    async fn ensure(&self, run: impl Future<Output = Outcome>) -> Outcome {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let (true, Some(outcome)) = (last.covers >= ticket, &last.outcome) {
            return outcome.clone();
        }
        let covers = self.tickets.load(Ordering::SeqCst);
        let outcome = run.await;
        *last = Last {
            covers,
            outcome: Some(outcome.clone()),
        };
        outcome
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.commands.command.join(" "))
    }
}

impl Activation {
    /// Its programs exist and may be run.
    pub fn check(&self) -> Result<(), TargetError> {
        program(&self.commands.command)?;
        if self.has_test() {
            program(&self.commands.test)?;
        }
        Ok(())
    }

    fn has_test(&self) -> bool {
        !self.commands.test.is_empty()
    }

    /// Shared with other orders that install and activate at the same time.
    pub async fn together(&self) -> ActivationLock<'_> {
        self.gate.together().await
    }

    /// Waits until no other order has an untested pair in place.
    pub async fn alone(&self) -> ActivationLock<'_> {
        self.gate.alone().await
    }

    /// Whether the server could use its configuration and files as they are; nothing where it has
    /// no test.
    pub async fn test(&self) -> Result<Option<String>, TargetError> {
        if !self.has_test() {
            return Ok(None);
        }
        self.lane.tests.ensure(self.run_test()).await.map(Some)
    }

    /// Returns after a run of test and command that began after this call did.
    pub async fn ensure(&self) -> Outcome {
        self.lane.activations.ensure(self.run()).await
    }

    async fn run_test(&self) -> Outcome {
        run::run(&self.commands.test, self.limit(), self.timeout_seconds).await
    }

    /// The server is told only what it could use; both within the timeout.
    async fn run(&self) -> Outcome {
        let began = tokio::time::Instant::now();
        if self.has_test() {
            self.run_test().await?;
        }
        let left = self.limit().saturating_sub(began.elapsed());
        run::run(&self.commands.command, left, self.timeout_seconds).await
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

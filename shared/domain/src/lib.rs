//! The language of the system: what a host, a policy, a plan and a run are, and how a run moves.
//!
//! In: plain data and `now`. Out: plain data. Touches: nothing. Never: I/O, an async runtime, the system clock,
//! the environment. Every other room speaks in these words.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod activation;
pub mod ari;
pub mod asked_wait;
pub mod backoff;
pub mod budget;
pub mod ca;
pub mod cause;
pub mod certificate;
pub mod chain;
pub mod channel;
pub mod clock;
pub mod counted;
mod directory;
pub mod disposition;
pub mod feasible;
pub mod filter;
pub mod forecast;
#[cfg(test)]
mod fuzz;
pub mod gcra;
pub mod host;
pub mod ids;
pub mod incident;
pub mod invalid;
pub mod job;
pub mod key_source;
pub mod keys;
pub mod lane;
pub mod limit;
pub mod names;
pub mod observation;
pub mod path;
pub mod plan;
pub mod policy;
pub mod price;
pub mod provider;
pub mod reach;
pub mod run;
pub mod secret;
pub mod solver;
pub mod target;
pub mod text;
pub mod window;
pub mod zone;

pub use clock::Timestamp;
pub use counted::counted;
pub use ids::{HostId, IncidentId, JobId, PolicyId, RunId, SnapshotId, WorkspaceId};
pub use invalid::Invalid;
pub use names::{DnsName, Hostname};

//! What every process needs: configuration, telemetry, health, and an orderly life and death.
//!
//! In: files, environment, signals. Out: a running service that is told when to stop. Touches: stderr, the health
//! port, OTLP. Never: domain, store, bus.

pub mod config;
pub mod crew;
pub mod health;
pub mod life;
pub mod process;
pub mod telemetry;

pub use config::ConfigError;
pub use crew::Crew;
pub use life::Life;

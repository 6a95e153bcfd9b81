//! What every process needs: configuration, telemetry, health, and an orderly life and death.
//!
//! In: files, environment, signals. Out: a running service that is told when to stop. Touches: stderr, the health
//! port, OTLP. Never: domain, store, bus.

pub mod config;
pub mod crew;
pub mod health;
pub mod http;
pub mod life;
mod pause;
pub mod process;
pub mod secret_arg;
pub mod secret_file;
pub mod telemetry;
pub mod tls;

pub use config::ConfigError;
pub use crew::Crew;
pub use life::Life;
pub use pause::pause;

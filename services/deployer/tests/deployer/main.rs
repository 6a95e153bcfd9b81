//! Stories of the deployer on a real file system with real commands.

mod activation;
mod config;
mod contract;
mod ended;
mod files;
mod harm;
mod keys;
mod mishaps;
mod presets;
mod refused;
mod rights;
mod rollback;
mod unprivileged;
mod verdict;
mod world;

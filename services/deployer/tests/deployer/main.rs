//! Stories of the deployer on a real file system with real commands.

mod config;
mod files;
mod mishaps;
mod reload;
mod rollback;
mod unprivileged;
mod verdict;
mod world;

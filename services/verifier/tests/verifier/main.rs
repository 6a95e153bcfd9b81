//! Stories of the verifier against a real nginx and against servers with faults, and its judgements as tables.

mod config;
mod confirm;
mod judgement;
mod nginx;
mod odd_servers;
mod pki;
mod places;
mod turns;
mod unfinished;
mod verdict;
mod world;

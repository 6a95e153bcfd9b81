//! The issuer against a real CA (Pebble) and real NATS; only where a CA must misbehave in a way that Pebble does not, a
//! stand-in answers.

mod contract;
mod drills;
mod issuance;
mod liar;
mod lies;
mod rehearsal;
mod replacing;
mod service;
mod strangers;
mod trouble;
mod waits;
mod world;

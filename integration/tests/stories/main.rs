//! The whole wheel under fire: real CA, real web server, real NATS and Postgres, and the binary as its users start it.
//!
//! In: an estate and what goes wrong in it. Out: how every run ended, and what the CA says it issued. Never: a sleep; what
//! is awaited is a state.

mod ari;
mod budget;
mod bulk;
mod choice;
mod clock;
mod contract;
mod dead_ca;
mod deaths;
mod dry_run;
mod events;
mod faulty_ca;
mod flood;
mod guarded;
mod hanging;
mod incidents;
mod live_log;
mod pace;
mod people;
mod probes;
mod refusals;
mod resolve;
mod strange_messages;
mod targets;
mod walls;
mod world;

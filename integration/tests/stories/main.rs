//! The whole wheel under fire: real CA, real web server, real NATS and Postgres, and the binary as its users start it.
//!
//! In: an estate and what goes wrong in it. Out: how every run ended, and what the CA says it issued. Never: a sleep; what
//! is awaited is a state.

mod activation;
mod ari;
mod balancer;
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
mod faulty_ca_accounts;
mod first_steps;
mod flood;
mod guarded;
mod hanging;
mod hostile;
mod hostile_inputs;
mod incidents;
mod live_log;
mod migrated;
mod pace;
mod people;
mod probes;
mod refusals;
mod resolve;
mod restored;
mod short_lived;
mod strange_messages;
mod targets;
mod untold;
mod walls;
mod world;

//! What travels on NATS: orders out, reports in, requests from outside, run events to everyone, looks at
//! hosts, what CAs say of certificates, custody questions, log lines while a step runs.
//!
//! In: the types of `domain`. Out: JSON with a schema version. Touches: nothing. Never: a connection.

pub mod custody;
pub mod direct_reply;
pub mod event;
pub mod incident;
pub mod log;
pub mod order;
mod outcome;
mod prepare_key;
pub mod probe;
pub mod renewal_info;
pub mod report;
pub mod request;
pub mod schema;
pub mod subjects;
pub mod target_check;

/// The version of every message in this crate; a reader refuses what is newer.
pub const SCHEMA: u16 = 1;

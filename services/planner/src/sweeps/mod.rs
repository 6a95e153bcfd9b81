//! What happens because time passes: each sweep looks at the record every so often and does what is due.
//!
//! In: the passing of time, what verifiers and issuers report of hosts and certificates. Out: runs, questions on NATS, rows that are
//! forgotten. Touches: Postgres, NATS. Never: the position of a run, which is the ledger's to write.

pub(crate) mod emergency;
pub(crate) mod renewal_info;
pub(crate) mod retention;
pub(crate) mod schedule;
pub(crate) mod storing;
pub(crate) mod survey;
pub(crate) mod timekeeper;

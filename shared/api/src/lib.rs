//! The JSON of the HTTP API: what a client sends and what the console answers, one file per noun.
//!
//! In: nothing. Out: types that are written, read and described by a schema. Touches: nothing. Never: a rule of the domain;
//! whether a value may be taken is decided where it is used.
//!
//! A request refuses fields that it does not know. An answer may get further fields in later versions: a client ignores
//! what it does not know.

pub mod acts;
pub mod budget;
pub mod emergencies;
pub mod errors;
pub mod health;
pub mod hosts;
pub mod imports;
pub mod incidents;
pub mod jobs;
pub mod lists;
pub mod openapi;
pub mod pacing;
pub mod policies;
pub mod providers;
pub mod renewals;
pub mod runs;

pub use lists::{Bounded, Items, Page};

/// Where the API explains an error code; no token is needed there.
pub fn help(code: &str) -> String {
    format!("/api/v1/errors/{code}")
}

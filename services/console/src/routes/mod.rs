//! One file per noun of the API.

pub(crate) mod acts;
pub(crate) mod budget;
pub(crate) mod emergencies;
pub(crate) mod errors;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod hosts;
pub(crate) mod incidents;
pub(crate) mod jobs;
pub(crate) mod log;
pub(crate) mod openapi;
pub(crate) mod pacing;
pub(crate) mod policies;
pub(crate) mod providers;
pub(crate) mod renewals;
pub(crate) mod runs;

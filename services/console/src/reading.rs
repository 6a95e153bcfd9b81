//! What a route that reads the record is given.
//!
//! In: the state of the console and the request. Out: the record, the time and the caller. Never: reads anything itself.

use axum::extract::{FromRequestParts, State};
use store::Store;

use crate::auth::Caller;
use crate::state::{Console, Now};

/// Who reads the record, and where the time is read.
#[derive(Clone, FromRequestParts)]
#[from_request(state(Console))]
pub(crate) struct Reading {
    #[from_request(via(State))]
    pub(crate) store: Store,
    #[from_request(via(State))]
    pub(crate) now: Now,
    pub(crate) caller: Caller,
}

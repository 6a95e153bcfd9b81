//! Between a worker that has an order in flight and the planner: how its run goes on.
//!
//! In: the order that the worker has. Out: the present order of the run, when it is one of the same
//! step. It travels by core NATS: the order in the stream stays unacknowledged until the last one
//! is answered, and brings everything back.

use domain::RunId;
use domain::run::Step;
use serde::{Deserialize, Serialize};

use crate::order::Order;

/// Asked with an order that may have been replaced since it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentAsk {
    pub run_id: RunId,
    pub step: Step,
    pub attempt: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "current", rename_all = "snake_case")]
pub enum Current<S> {
    /// This one counts, whichever the worker has.
    Order { order: Box<Order<S>> },
    /// The run has moved on: the planner does not wait for this worker.
    Elsewhere,
    /// The record could not be read.
    Unknown { reason: String },
}

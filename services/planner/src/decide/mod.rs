//! What the planner decides, as plain functions of facts and the time. Pure.
//!
//! In: what is in the record, what was reported, now. Out: runs, orders, verdicts, each with its named reason. Touches: nothing.
//! Never: a statement, a message, the clock.
//!
//! - who may run, and what it becomes: `facts`, `wish`, `judge`, `choose`, `compose`, `orders`, `plan`, `due`, `scheduled`, `money`
//! - when an order may go: `at_ca`, `quota`, `holds`, `pace`, `look_first`
//! - what stops and what people may do: `halt`, `people`, `borders`, `once`

pub(crate) mod acts;
pub(crate) mod at_ca;
pub(crate) mod borders;
pub(crate) mod choose;
pub(crate) mod compose;
pub(crate) mod due;
pub(crate) mod facts;
pub(crate) mod halt;
pub(crate) mod holds;
pub(crate) mod judge;
pub(crate) mod look_first;
pub(crate) mod money;
pub(crate) mod once;
pub(crate) mod orders;
pub(crate) mod pace;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod scheduled;
pub(crate) mod wish;

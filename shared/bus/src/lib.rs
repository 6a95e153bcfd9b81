//! The only NATS of the system.
//!
//! In: orders, reports, requests, events as Rust values. Out: the same on the other side, acknowledged by the
//! settle table of `work`. Touches: NATS JetStream. Never: Postgres, a decision about a run.

pub mod accounts;
pub mod aside;
pub mod ask;
pub mod claims;
pub mod clock;
pub mod connection;
mod dead;
mod doubt;
mod events;
pub mod handler;
mod handover;
pub mod inbox;
mod live;
pub mod logs;
pub mod permissions;
mod publish;
mod replay;
mod request;
pub mod tokens;
pub mod topology;
mod trace;
pub mod work;

pub use clock::SystemClock;
pub use connection::{Bus, BusError, Connection};
pub use handler::{Progress, StepContext, StepError, StepHandler};

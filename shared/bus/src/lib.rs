//! The only NATS of the system.
//!
//! In: orders, reports, requests, events as Rust values. Out: the same on the other side, acknowledged by the
//! settle table of `work`. Touches: NATS JetStream. Never: Postgres, a decision about a run.

pub mod accounts;
pub mod aside;
pub mod ask;
mod asking;
pub mod bounds;
mod bucket;
pub mod claims;
pub mod clock;
pub mod connection;
mod dead;
mod direct_reply;
mod doubt;
mod events;
pub mod handler;
pub mod inbox;
mod live;
mod login;
pub mod logs;
mod mail;
mod order_service;
pub mod panics;
pub mod permissions;
mod publish;
pub mod readers;
mod replay;
mod request;
pub mod signing;
pub mod storing;
pub mod streams;
pub mod tokens;
mod topology;
mod trace;
pub mod work;

pub use bounds::StreamBounds;
pub use clock::SystemClock;
pub use connection::{Bus, BusError};
pub use handler::{Progress, StepContext, StepError, StepHandler};
pub use login::Connection;
pub use mail::Mail;
pub use signing::{Signer, SigningKey};

//! The test kit: starts the real servers that the tests and the demo talk to, and takes them down
//! again.
//!
//! In: nothing but the binaries that `cargo xtask setup` installs. Out: running servers with their
//! addresses, and `wait` and `handshake` to look at the world from outside. Touches: loopback ports
//! 20000 to 29999 and one directory under the machine's temporary directory. Never: a service of
//! ours, and never a stand-in where the real server can be had.
//!
//! Every server dies with the test process, however that ends (see `process`). A server that a test
//! kills or breaks is the test's own; the peaceful ones are shared by all tests of a process (see
//! `shared`).

pub mod balancer;
pub mod cpu;
pub mod faulty_ca;
pub mod handshake;
pub mod http;
pub mod nats;
pub mod nginx;
pub mod pebble;
pub mod pki;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod ready;
pub mod run_dir;
mod script;
pub mod shared;
pub mod smtp;
pub mod tools;
pub mod wait;

// Only this crate and the two rooms that own them may import the drivers; tests that look behind
// the scenes use ours.
pub use rustix::process::Signal;
pub use {async_nats, sqlx};

pub use balancer::Balancer;
pub use faulty_ca::FaultyCa;
pub use nats::Nats;
pub use nginx::{NginxHosts, Serving};
pub use pebble::{Pebble, PebbleOptions};
pub use postgres::Postgres;
pub use process::{Peer, Spec};
pub use smtp::{Mail, MailServer, MailTls};

/// A password that no other user of this machine can guess.
pub(crate) fn secret() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

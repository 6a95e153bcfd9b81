//! Servers that all tests of one process share, for tests that neither kill nor reconfigure them.
//!
//! In: nothing. Out: a server that lives until the process ends (the parent-death signal takes it down). Tests keep
//! apart by a database, a stream or a hostname of their own.

use tokio::sync::OnceCell;

use crate::{Nats, Pebble, PebbleOptions, Postgres};

/// The Postgres of this process: take a database of a name of your own.
///
/// # Panics
/// If it does not start: there is nothing that a test could do about it.
pub async fn postgres() -> &'static Postgres {
    static SERVER: OnceCell<Postgres> = OnceCell::const_new();
    SERVER
        .get_or_init(async || Postgres::start().await.expect("the shared Postgres must start"))
        .await
}

/// The NATS server of this process: take subjects and streams of your own.
///
/// # Panics
/// If it does not start.
pub async fn nats() -> &'static Nats {
    static SERVER: OnceCell<Nats> = OnceCell::const_new();
    SERVER
        .get_or_init(async || Nats::start().await.expect("the shared NATS server must start"))
        .await
}

/// The ACME CA of this process, with the default options: take hostnames of your own.
///
/// # Panics
/// If it does not start.
pub async fn pebble() -> &'static Pebble {
    static SERVER: OnceCell<Pebble> = OnceCell::const_new();
    let start = async || {
        Pebble::start(PebbleOptions::default())
            .await
            .expect("the shared Pebble must start")
    };
    SERVER.get_or_init(start).await
}

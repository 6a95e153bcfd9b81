//! A port of the loopback interface for our own NATS.
//!
//! In: the last one, if any. Out: a free one, the last again when it is free. Never: a port of the range from which the
//! kernel serves outgoing connections (from 32768 on): a client that tries and tries to reach a server that is just
//! being started again would be given that very port, connect to itself, and keep the server out.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;

use anyhow::{Context, Result};
use rand::seq::SliceRandom;

pub const NATS: RangeInclusive<u16> = 30_000..=31_399;

pub fn choose(last: Option<u16>, range: RangeInclusive<u16>) -> Result<u16> {
    let mut others: Vec<u16> = range.clone().collect();
    others.shuffle(&mut rand::rng());
    let (first, end) = (range.start(), range.end());
    last.into_iter()
        .chain(others)
        .find(|port| is_free(*port))
        .with_context(|| format!("no port from {first} to {end} is free on 127.0.0.1"))
}

fn is_free(port: u16) -> bool {
    port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_port_is_kept_while_it_is_free() -> Result<()> {
        let last = choose(None, NATS)?;
        assert!(NATS.contains(&last));
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, last))?;
        assert_ne!(choose(Some(last), NATS)?, last);
        drop(taken);
        assert_eq!(choose(Some(last), NATS)?, last);
        Ok(())
    }

    #[test]
    fn a_full_range_is_named() -> Result<()> {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, choose(None, NATS)?))?;
        let port = taken.local_addr()?.port();
        let said = choose(None, port..=port)
            .expect_err("the only one is taken")
            .to_string();
        assert!(said.contains(&port.to_string()), "{said}");
        Ok(())
    }
}

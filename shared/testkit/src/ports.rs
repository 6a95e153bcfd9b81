//! Loopback ports that no other test process takes.
//!
//! In: nothing. Out: a lease on a port between 20000 and 29999, below the range from which the
//! kernel serves outgoing connections. The lease is a locked file shared by all test processes of
//! this user, and ends with the value (or with the process). Never: asks the kernel for port 0 and
//! hopes that no other process takes it before the server starts.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

use crate::run_dir;

const RANGE: RangeInclusive<u16> = 20_000..=29_999;
const COUNT: u32 = 10_000;

/// A port of the loopback interface, ours until dropped. TCP and UDP are both free when it is
/// leased.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }
}

/// Leases a free port.
///
/// # Errors
/// If every port of the range is taken, or the lock files cannot be written.
pub fn lease() -> Result<Port> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let locks = run_dir::base()?.join("ports");
    run_dir::make(&locks)?;
    // Processes begin at different places, so that they seldom try the same port at once.
    let start = std::process::id().wrapping_mul(37);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = start.wrapping_add(step) % COUNT;
        let number = RANGE.start() + u16::try_from(offset)?;
        if let Some(port) = try_lease(&locks, number)? {
            return Ok(port);
        }
    }
    bail!(
        "no free port between {} and {}: what is using all of them?",
        RANGE.start(),
        RANGE.end()
    )
}

fn try_lease(locks: &Path, number: u16) -> Result<Option<Port>> {
    let lock = run_dir::open_lock(&locks.join(number.to_string()))?;
    let free = lock.try_lock().is_ok()
        && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
    Ok(free.then_some(Port { number, _lock: lock }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leased_port_is_not_leased_again_while_it_is_held() -> Result<()> {
        let port = lease()?;
        let locks = run_dir::base()?.join("ports");
        assert!(try_lease(&locks, port.number())?.is_none());
        assert!(RANGE.contains(&port.number()));
        Ok(())
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_leased() -> Result<()> {
        let port = lease()?;
        let number = port.number();
        drop(port);
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number))?;
        assert!(try_lease(&run_dir::base()?.join("ports"), number)?.is_none());
        Ok(())
    }
}

//! How many of something are taken, connections for example, in all and of each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of an address that has too many the log says something so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    of: Arc<Mutex<Taken>>,
    of_one: usize,
}

#[derive(Default)]
struct Taken {
    of: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

/// One more may come.
pub(super) struct Free {
    places: Places,
    permit: OwnedSemaphorePermit,
}

/// Given back when it is dropped.
pub struct ConnectionSlot {
    places: Places,
    of: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub fn new(connections: usize, of_one: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            of: Arc::default(),
            of_one,
        }
    }

    /// Waits until one more may come.
    pub(super) async fn free(&self) -> Free {
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(permit) => Free {
                places: self.clone(),
                permit,
            },
            // No code closes it.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// A place now, or none.
    pub fn try_take(&self, from: IpAddr) -> Option<ConnectionSlot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Free {
            places: self.clone(),
            permit,
        }
        .take(from)
    }

    /// Whether a refusal is to be told, after the last one that was.
    pub(super) fn may_tell(&self) -> bool {
        let mut taken = self.taken();
        let may = taken.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if may {
            taken.told = Some(Instant::now());
        }
        may
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Free {
    /// Nothing when this address has as many as it may have.
    pub(super) fn take(self, from: IpAddr) -> Option<ConnectionSlot> {
        let of = network(from);
        {
            let mut taken = self.places.taken();
            let many = taken.of.entry(of).or_default();
            if *many >= self.places.of_one && !of.is_loopback() {
                return None;
            }
            *many += 1;
        }
        Some(ConnectionSlot {
            places: self.places,
            of,
            _permit: self.permit,
        })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(many) = taken.of.get_mut(&self.of) {
            *many -= 1;
            if *many == 0 {
                taken.of.remove(&self.of);
            }
        }
    }
}

/// Who has one address of IPv6 has its /64.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(places: &Places, from: &str) -> Option<ConnectionSlot> {
        places.free().await.take(from.parse().expect("an address"))
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_gives_it_back() {
        let places = Places::new(8, 2);
        let first = take(&places, "192.0.2.1").await.expect("its first");
        let _second = take(&places, "::ffff:192.0.2.1")
            .await
            .expect("its second, written otherwise");
        assert!(take(&places, "192.0.2.1").await.is_none());
        assert!(take(&places, "192.0.2.2").await.is_some(), "another's");
        drop(first);
        assert!(take(&places, "192.0.2.1").await.is_some());
        assert_eq!(places.taken().of.len(), 1, "who has gone leaves nothing behind");
    }

    #[tokio::test]
    async fn a_network_of_ipv6_counts_as_one_and_this_machine_has_no_share() {
        let places = Places::new(8, 1);
        let _one = take(&places, "2001:db8::1").await.expect("its first");
        assert!(take(&places, "2001:db8::ffff:1").await.is_none());
        assert!(take(&places, "2001:db8:0:1::1").await.is_some());
        let (_a, _b) = (
            take(&places, "127.0.0.1").await.expect("one"),
            take(&places, "127.0.0.1").await.expect("two"),
        );
        let (_c, _d) = (
            take(&places, "::1").await.expect("one"),
            take(&places, "::1").await.expect("two"),
        );
    }

    #[tokio::test]
    async fn when_all_are_taken_the_next_waits() {
        let places = Places::new(1, 1);
        let only = take(&places, "192.0.2.1").await.expect("the only one");
        assert!(must_wait(places.free()).await);
        drop(only);
        assert!(take(&places, "192.0.2.2").await.is_some());
    }

    async fn must_wait(waits: impl Future) -> bool {
        tokio::select! {
            biased;
            _ = waits => false,
            () = std::future::ready(()) => true,
        }
    }
}

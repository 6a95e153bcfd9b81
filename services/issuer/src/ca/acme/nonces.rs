//! Nonces that the CA has given and that are not used yet: each saves a HEAD newNonce (20 per
//! second and address are allowed at Let's Encrypt).
//!
//! The library sees none of them: it would keep one per order and lose the others. It asks by HEAD,
//! and the answer comes from here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A CA forgets nonces too, when it restarts or after a while.
const OLDEST: Duration = Duration::from_secs(300);
const MOST: usize = 256;

#[derive(Default)]
pub struct NoncePool {
    fresh: Mutex<VecDeque<(Instant, String)>>,
}

impl NoncePool {
    pub fn put(&self, nonce: String) {
        self.change(|fresh| {
            if fresh.len() >= MOST {
                fresh.pop_front();
            }
            fresh.push_back((Instant::now(), nonce));
        });
    }

    /// The newest one: it has the best chance to be known still.
    pub fn take(&self) -> Option<String> {
        self.change(|fresh| {
            let (put_at, nonce) = fresh.pop_back()?;
            if put_at.elapsed() < OLDEST {
                return Some(nonce);
            }
            fresh.clear();
            None
        })
    }

    /// The CA refused one: it may have forgotten them all.
    pub fn clear(&self) {
        self.change(VecDeque::clear);
    }

    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<(Instant, String)>) -> T) -> T {
        change(&mut self.fresh.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nonce_is_given_once_the_newest_first() {
        let pool = NoncePool::default();
        pool.put("a".to_owned());
        pool.put("b".to_owned());
        assert_eq!(pool.take().as_deref(), Some("b"));
        assert_eq!(pool.take().as_deref(), Some("a"));
        assert_eq!(pool.take(), None);
    }

    #[test]
    fn the_pool_is_bounded_and_can_be_emptied() {
        let pool = NoncePool::default();
        for number in 0..MOST + 10 {
            pool.put(number.to_string());
        }
        assert_eq!(pool.change(|fresh| fresh.len()), MOST);
        pool.clear();
        assert_eq!(pool.take(), None);
    }
}

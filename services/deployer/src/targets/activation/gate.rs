//! Who is at one server at the same time, so that a refusal is laid to the pair that caused it.
//!
//! In: orders that install and activate. Out: a lock, and whether other orders held one meanwhile.
//! Never: a refused pair that is in place while another order holds the exclusive lock: the holder
//! puts back what was refused before it releases its lock.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One server, as far as its commands tell.
#[derive(Default)]
pub struct Gate {
    lock: RwLock<()>,
    inside: AtomicU64,
    entered: AtomicU64,
}

/// Held from before an installation until its activation has succeeded, or until what was refused
/// is put back.
pub enum ActivationLock<'a> {
    Together(Together<'a>),
    Alone { _lock: RwLockWriteGuard<'a, ()> },
}

pub struct Together<'a> {
    gate: &'a Gate,
    /// Others were there when it began.
    crowded: bool,
    /// How many had entered by then, itself counted.
    entered: u64,
    _lock: RwLockReadGuard<'a, ()>,
}

impl Gate {
    pub async fn together(&self) -> ActivationLock<'_> {
        let lock = self.lock.read().await;
        let others = self.inside.fetch_add(1, Ordering::SeqCst);
        let entered = self.entered.fetch_add(1, Ordering::SeqCst) + 1;
        ActivationLock::Together(Together {
            gate: self,
            crowded: others > 0,
            entered,
            _lock: lock,
        })
    }

    pub async fn alone(&self) -> ActivationLock<'_> {
        ActivationLock::Alone {
            _lock: self.lock.write().await,
        }
    }
}

impl ActivationLock<'_> {
    /// The pair of another order may have been in place while this lock was held.
    pub fn was_crowded(&self) -> bool {
        match self {
            Self::Together(lock) => lock.crowded || lock.gate.entered.load(Ordering::SeqCst) != lock.entered,
            Self::Alone { .. } => false,
        }
    }
}

impl Drop for Together<'_> {
    fn drop(&mut self) {
        self.gate.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_was_there_at_the_same_time_is_known_to_both() {
        let gate = Gate::default();
        let first = gate.together().await;
        assert!(!first.was_crowded());
        let second = gate.together().await;
        assert!(first.was_crowded() && second.was_crowded());
        drop((first, second));
        let third = gate.together().await;
        assert!(!third.was_crowded());
        drop(third);
        assert!(!gate.alone().await.was_crowded());
    }

    #[tokio::test]
    async fn alone_is_alone() {
        let gate = Gate::default();
        let lock = gate.together().await;
        assert!(gate.alone().now_or_never().is_none());
        drop(lock);
        let _alone = gate.alone().await;
        assert!(gate.together().now_or_never().is_none());
    }
}

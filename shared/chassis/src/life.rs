//! The life of one service: when it is ready, when it shall stop, when it must stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Handed to a service's `run`. Soft stop: take no new work, finish what is in flight. Hard stop: leave at once.
#[derive(Clone, Debug, Default)]
pub struct Life {
    soft: CancellationToken,
    hard: CancellationToken,
    ready: Arc<AtomicBool>,
}

impl Life {
    pub fn new() -> Self {
        Self::default()
    }

    /// The service says that it can work now; `/readyz` answers 200 from here on.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.soft.is_cancelled()
    }

    /// Fires when no new work shall be taken.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Fires when the time for finishing is over.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// A service inside this one: stopped with it, ready by itself.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            soft: self.soft.child_token(),
            hard: self.hard.child_token(),
            ready: Arc::default(),
        }
    }
}

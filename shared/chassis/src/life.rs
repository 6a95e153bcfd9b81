//! The life of one service: when it is ready, when it shall stop, when it must stop.

use std::future::Future;
use std::pin::Pin;
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
        self.was_ready() && !self.soft.is_cancelled()
    }

    fn was_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Runs the service to its end. A stop ends one that is not ready yet at once: it has nothing in flight, and may be
    /// waiting for a server that does not come. Boxed: a whole service is more than a thread's stack holds twice.
    ///
    /// # Errors
    /// What the service ends with.
    pub async fn keep<F>(&self, mut service: Pin<Box<F>>) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>> + ?Sized,
    {
        tokio::select! {
            // What a start says that was broken off is no failure.
            biased;
            () = self.soft.cancelled() => {}
            ended = &mut service => return ended,
        }
        if self.was_ready() { service.await } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_a_service_that_is_ready_and_for_no_other() {
        let whole = Life::new();
        let (ready, starting) = (whole.child(), whole.child());
        ready.ready();
        let finished = Arc::new(AtomicBool::new(false));
        let working = {
            let (soft, finished) = (ready.soft().clone(), Arc::clone(&finished));
            async move {
                soft.cancelled().await;
                tokio::task::yield_now().await;
                finished.store(true, Ordering::Release);
                Ok(())
            }
        };
        whole.soft().cancel();
        // It would wait for ever.
        starting
            .keep(Box::pin(std::future::pending()))
            .await
            .expect("left at once");
        ready.keep(Box::pin(working)).await.expect("a good end");
        assert!(finished.load(Ordering::Acquire));
    }
}

//! Messages that are dealt with beside the orders of runs, so many at the same time.
//!
//! In: an inbox, what is done with each message. Out: nothing; who serves a message acknowledges
//! it, and one whose service panics goes to the dead letters. Never: a slot of the orders.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BusError;
use crate::inbox::{Delivery, Inbox};
use crate::mail::Mail;
use crate::panics::caught;

/// Serves messages until `stop`; those in flight are finished.
pub async fn serve_each<T, F>(
    mut inbox: Inbox<T>,
    at_once: usize,
    stop: &CancellationToken,
    serve: impl Fn(Delivery<T>) -> F,
) -> Result<(), BusError>
where
    T: Mail,
    F: Future<Output = ()> + Send + 'static,
{
    let (free, running) = (Arc::new(Semaphore::new(at_once)), TaskTracker::new());
    while let Some(batch) = inbox.next(stop).await {
        for delivery in batch {
            let slot = Arc::clone(&free).acquire_owned().await.map_err(BusError::unavailable)?;
            let letter = delivery.letter();
            let served = serve(delivery);
            running.spawn(async move {
                if let Err(panicked) = caught(served).await {
                    letter.bury(&panicked).await;
                }
                drop(slot);
            });
        }
    }
    running.close();
    running.wait().await;
    Ok(())
}

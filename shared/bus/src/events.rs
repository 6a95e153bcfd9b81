//! Following run events with a durable reader.

use std::future::Future;

use protocol::event::RunEvent;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::inbox::Inbox;
use crate::topology::Reader;

const AT_ONCE: usize = 64;

impl Bus {
    /// Hands every run event to `take`, each until it succeeds: one that fails is delivered again.
    pub async fn run_events<F, Fut, E>(&self, durable: &str, stop: &CancellationToken, take: F) -> Result<(), BusError>
    where
        F: Fn(RunEvent) -> Fut + Send + Sync,
        Fut: Future<Output = Result<(), E>> + Send,
        E: std::fmt::Display,
    {
        let mut inbox = Inbox::<RunEvent>::open(self.clone(), Reader::runs(durable), AT_ONCE).await?;
        while let Some(events) = inbox.next(stop).await {
            for event in events {
                match take(event.value.clone()).await {
                    Ok(()) => event.ack().await,
                    Err(error) => warn!(%error, "a run event could not be handled; it comes again"),
                }
            }
        }
        Ok(())
    }
}

//! Following with a durable reader what incidents are about: of a hundred thousand runs that go well, one event each.

use std::future::Future;

use domain::run::Status;
use protocol::event::RunEvent;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::inbox::Inbox;
use crate::topology::Reader;

const AT_ONCE: usize = 64;
/// The statuses that are trouble, or may end it.
pub(crate) const TROUBLE_AND_ITS_END: [Status; 4] = [
    Status::Failed,
    Status::NeedsManual,
    Status::Succeeded,
    Status::Cancelled,
];

impl Bus {
    /// Hands every event of trouble, and of its end, to `take`, each until it succeeds: one that fails is delivered again.
    pub async fn run_events<F, Fut, E>(&self, durable: &str, stop: &CancellationToken, take: F) -> Result<(), BusError>
    where
        F: Fn(RunEvent) -> Fut + Send + Sync,
        Fut: Future<Output = Result<(), E>> + Send,
        E: std::fmt::Display,
    {
        let mut inbox =
            Inbox::<RunEvent>::open(self.clone(), Reader::runs(durable, &TROUBLE_AND_ITS_END), AT_ONCE).await?;
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

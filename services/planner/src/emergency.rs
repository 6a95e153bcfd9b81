//! Notices when a CA wants many certificates renewed at once, and when that is over.
//!
//! In: calls in the record. Out: emergencies there, one per workspace and CA at a time. Never: a run: what is called for
//! is due now by the schedule, the most critical hosts first, and people see what is left.

use std::sync::Arc;
use std::time::Duration;

use domain::ari::Threshold;
use domain::clock::Clock;
use domain::{IncidentId, Timestamp};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

const TICK: Duration = Duration::from_secs(5);
/// Calls that came within this time belong together.
const TOGETHER: Duration = Duration::from_secs(3600);

pub(crate) struct Emergencies {
    pub store: Store,
    pub threshold: Threshold,
    pub clock: Arc<dyn Clock>,
}

impl Emergencies {
    pub(crate) async fn watch(self, stop: &CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            if let Err(error) = self.round().await {
                warn!(%error, "what CAs call for cannot be read; trying again");
            }
        }
        Ok(())
    }

    async fn round(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let since = Timestamp::new(now.get() - TOGETHER);
        for calls in self.store.calls_since(since).await? {
            let id = IncidentId::new();
            if calls.are_many(self.threshold) && self.store.open_emergency(id, &calls, now).await? {
                let (ca, called, of) = (&calls.directory_url, calls.called, calls.of_all);
                warn!(%id, ca, called, of, "a CA wants many certificates renewed at once");
            }
        }
        self.store.end_emergencies(now).await?;
        Ok(())
    }
}

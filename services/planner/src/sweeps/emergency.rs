//! Notices when a CA wants many certificates renewed at once, and when that is over.
//!
//! In: calls in the record. Out: emergencies there, one per workspace and CA at a time, each with a bulk plan that a person
//! may commit. Never: a run: what is called for is due now by the schedule, the most critical hosts first.

use std::sync::Arc;
use std::time::Duration;

use bus::panics::or_next_round;
use domain::ari::Threshold;
use domain::ca::CaRef;
use domain::clock::Clock;
use domain::filter::{Filter, MOST_HOSTNAMES};
use domain::job::{Cooldown, JobSpec};
use domain::{Hostname, IncidentId, Timestamp, WorkspaceId};
use protocol::request::{Answer, BulkPlanRequest};
use store::{Store, StoreError, plan_key};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::jobs::Jobs;

const TICK: Duration = Duration::from_secs(5);
/// Calls that came within this time belong together.
const TOGETHER: Duration = Duration::from_secs(3600);
/// More hosts than an estate has.
const ALL: i64 = 1_000_000;

pub(crate) struct Emergencies {
    pub store: Store,
    pub jobs: Arc<Jobs>,
    pub threshold: Threshold,
    pub clock: Arc<dyn Clock>,
}

impl Emergencies {
    pub(crate) async fn watch(self, stop: &CancellationToken) -> anyhow::Result<()> {
        while chassis::pause(TICK, stop).await.is_some() {
            if let Err(error) = or_next_round(self.round()).await {
                warn!(%error, "what CAs call for cannot be read; trying again");
            }
        }
        Ok(())
    }

    async fn round(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let since = now.minus(TOGETHER);
        for calls in self.store.calls_since(since).await? {
            let id = IncidentId::new();
            if calls.are_many(self.threshold) && self.store.open_emergency(id, &calls, now).await? {
                let (ca, called, of) = (&calls.ca, calls.called, calls.of_all);
                warn!(%id, %ca, called, of, "a CA wants many certificates renewed at once");
            }
        }
        self.store.end_emergencies(now).await?;
        for (workspace, id, ca) in self.store.open_emergencies().await? {
            if self.store.answered(&workspace, &plan_key(id, Some(0))).await?.is_none() {
                self.prepare(&workspace, id, &ca, now).await?;
            }
        }
        Ok(())
    }

    /// Has a bulk plan made of what is left, in parts that a filter can name. Each part's key is the emergency's own: a
    /// planner that dies in between leaves the rest to the next round.
    async fn prepare(
        &self,
        workspace: &WorkspaceId,
        id: IncidentId,
        ca: &CaRef,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let left = self.store.called_hosts(workspace, id, now, ALL).await?;
        let names: Vec<Hostname> = left.into_iter().map(|host| host.hostname).collect();
        // The first part comes last: when its key is answered, all are.
        for (part, hostnames) in names.chunks(MOST_HOSTNAMES).enumerate().rev() {
            let key = plan_key(id, Some(part));
            // What is left may have become less since: the part that there is stays as it is.
            if self.store.answered(workspace, &key).await?.is_some() {
                continue;
            }
            let request = BulkPlanRequest {
                spec: wish(hostnames, id, ca),
                idempotency_key: key,
                requested_by: "vigilo".to_owned(),
            };
            if let Answer::Rejected { reason } = self.jobs.take(workspace, request).await? {
                warn!(%id, %reason, "no plan can be made for an emergency");
            }
        }
        Ok(())
    }
}

/// At once: neither a cooldown nor the month's budget holds what must not be served any longer.
fn wish(hostnames: &[Hostname], id: IncidentId, ca: &CaRef) -> JobSpec {
    let filter = Filter {
        hostnames: hostnames.to_vec(),
        ..Filter::default()
    };
    JobSpec {
        cooldown: Cooldown::Ignore,
        beyond_month: true,
        reason: Some(format!("emergency {id}: {ca} wants these certificates renewed at once")),
        ..JobSpec::of(filter)
    }
}

//! Jobs: bulk renewals, from the plan that a person looks at to the end of the last run.
//!
//! In: what people ask (`desk`), the passing of time. Out: plans, runs, what holds runs back. Touches: Postgres; any
//! number of planners share the work: a job is in the hands of one of them at a time, and when that one dies another
//! goes on with the next batch. Never: a decision at the commit that the plan did not show.

mod acts;
mod creating;
mod planning;
mod watching;

pub(crate) use acts::JobActKind;
#[cfg(test)]
pub(crate) use acts::new_job;

use std::sync::Arc;
use std::time::Duration;

use bus::panics::{Panicked, caught, or_next_round};
use domain::backoff::Ladder;
use domain::job::{Job, JobState};
use store::{Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::ledger::Ledger;

const TICK: Duration = Duration::from_millis(250);
/// A planner that dies with a job claimed leaves it to the others after this long. Every batch takes it anew.
const CLAIMED_FOR: Duration = Duration::from_secs(10);
/// Hosts or runs of one transaction.
const BATCH: u32 = 2_500;

pub(crate) struct Jobs {
    pub store: Store,
    pub ledger: Arc<Ledger>,
    /// How failures of new runs are tried again.
    pub ladder: Ladder,
    /// Orders that one CA has under way at once.
    pub at_once_per_ca: u32,
    /// Rung when there is a job to plan or to create runs of.
    pub bell: Notify,
}

impl Jobs {
    /// Works on jobs until `stop`: one is planned or created while others are watched.
    pub(crate) async fn keep(self: Arc<Self>, stop: &CancellationToken) -> anyhow::Result<()> {
        tokio::join!(self.build(stop), self.watch(stop));
        Ok(())
    }

    async fn build(&self, stop: &CancellationToken) {
        loop {
            // A timeout is the usual tick; a ring comes before it.
            let next = tokio::time::timeout(TICK, self.bell.notified());
            if stop.run_until_cancelled(next).await.is_none() {
                return;
            }
            while let Some(job) = self.claim(&[JobState::Planning, JobState::Committing]).await {
                let built = async {
                    if job.state == JobState::Planning {
                        self.plan(&job, stop).await
                    } else {
                        self.create(&job, stop).await
                    }
                };
                match caught(built).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => self.trouble(&job, error).await,
                    Err(panicked) => self.trouble(&job, defect(&job, &panicked)).await,
                }
                if stop.is_cancelled() {
                    return;
                }
            }
        }
    }

    async fn watch(&self, stop: &CancellationToken) {
        while chassis::pause(TICK, stop).await.is_some() {
            while let Some(job) = self.claim(&[JobState::Running, JobState::Cancelling]).await {
                if let Err(error) = or_next_round(self.look_at(&job)).await {
                    warn!(%error, job = %job.id, "a job cannot be looked at; trying again");
                }
            }
        }
    }

    async fn claim(&self, states: &[JobState]) -> Option<Job> {
        let now = self.ledger.now();
        match self.store.claim_job(states, now, now.plus(CLAIMED_FOR)).await {
            Ok(job) => job,
            Err(error) => {
                warn!(%error, "jobs cannot be read; trying again");
                None
            }
        }
    }

    /// What heals by itself is tried again when the job is not claimed any more; a plan that cannot be made says so.
    async fn trouble(&self, job: &Job, error: StoreError) {
        match error {
            StoreError::Unavailable(why) => warn!(%why, job = %job.id, "a job cannot be worked on; trying again"),
            other @ (StoreError::Faulty(_)
            | StoreError::Duplicate { .. }
            | StoreError::Unknown { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Migration(_)
            | StoreError::Foreign
            | StoreError::Insecure(_)
            | StoreError::RowCount { .. }) => {
                error!(error = %other, job = %job.id, "a job cannot be worked on");
                if job.state == JobState::Planning
                    && let Err(error) = self.failed(job, &other).await
                {
                    warn!(%error, job = %job.id, "its failure cannot be kept; trying again");
                }
            }
        }
    }

    async fn failed(&self, job: &Job, error: &StoreError) -> Result<(), StoreError> {
        let now = self.ledger.now();
        let Some((mut tx, mut job)) = self.store.job_tx(&job.workspace, job.id).await? else {
            return Ok(());
        };
        if job.state == JobState::Planning {
            job.state = JobState::Failed;
            job.note = Some(error.to_string());
            job.ended_at = Some(now);
            tx.put(&job, now).await?;
        }
        tx.commit().await
    }
}

/// A plan that our own code cannot make says so, as one that the record does not allow.
fn defect(job: &Job, panicked: &Panicked) -> StoreError {
    StoreError::Corrupt {
        table: "jobs",
        id: job.id.to_string(),
        why: panicked.to_string(),
    }
}

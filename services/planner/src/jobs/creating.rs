//! The commit, batch by batch: runs as the plan shows them. A batch is created as a whole or not at
//! all, so a planner that dies leaves no run twice and none out.

use domain::RunId;
use domain::job::{Job, JobState};
use store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use super::{BATCH, CLAIMED_FOR, Jobs};
use crate::ledger::positions;

impl Jobs {
    pub(super) async fn create(&self, job: &Job, stop: &CancellationToken) -> Result<(), StoreError> {
        while !stop.is_cancelled() {
            match self.create_batch(job).await {
                Ok(true) => self.ledger.ring(),
                Ok(false) => break,
                // A run of one of these policies was created in this moment: the next try sees it.
                Err(StoreError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// False when nothing is left to create.
    async fn create_batch(&self, job: &Job) -> Result<bool, StoreError> {
        let now = self.ledger.now();
        let Some((mut tx, mut job)) = self.store.job_tx(&job.workspace, job.id).await? else {
            return Ok(false);
        };
        if job.state != JobState::Committing {
            return Ok(false);
        }
        let last = job.created_to.saturating_add(BATCH).min(job.lines);
        if job.queue_positions.is_empty() {
            let flow = format!("{} job {}", job.workspace, job.id);
            job.queue_positions = positions::of_job(&self.store, &flow, &tx.included_by_rank().await?, now).await?;
        }
        let lines = tx.included(&job, last).await?;
        let places = positions::places(&mut job.queue_positions, &lines);
        job.refused += tx.create_runs(&job, last, &places, now).await?;
        job.created_to = last;
        let done = last == job.lines;
        if done {
            job.state = JobState::Running;
            // A person may have paused it meanwhile.
            job.held_to = Some(RunId::from_uuid(Uuid::nil()));
            info!(job = %job.id, runs = job.totals.included - job.refused, refused = job.refused, "its runs are created");
        }
        tx.put(&job, if done { now } else { now.plus(CLAIMED_FOR) }).await?;
        tx.commit().await?;
        Ok(!done)
    }
}

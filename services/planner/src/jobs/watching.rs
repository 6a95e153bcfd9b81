//! A job that runs: what holds its runs is applied, failures with one cause are stopped, places are given on, the end is
//! seen. A look at a large job costs more, so it is taken less often: never more than a twentieth of the time.

use std::time::Duration;

use domain::RunId;
use domain::job::{Halt, HaltRule, Job, JobState, Progress};
use store::{JobTx, StoreError};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{BATCH, Jobs};
use crate::decide::acts::{ActKind, RunAct};
use crate::decide::halt::judge;

const USUALLY: Duration = Duration::from_secs(1);
/// A job with few places is waited for.
const CAPPED: Duration = Duration::from_millis(200);
const TOLD_AT_ONCE: i64 = 500;

/// The first of all.
fn beginning() -> RunId {
    RunId::from_uuid(uuid::Uuid::nil())
}

impl Jobs {
    pub(super) async fn look_at(&self, job: &Job) -> Result<(), StoreError> {
        match job.state {
            JobState::Running => self.look_at_running(job).await,
            JobState::Cancelling => self.cancel_some(job).await,
            JobState::Planning
            | JobState::Planned
            | JobState::Committing
            | JobState::Cancelled
            | JobState::Ended
            | JobState::Failed => Ok(()),
        }
    }

    async fn look_at_running(&self, job: &Job) -> Result<(), StoreError> {
        let begun = Instant::now();
        let Some((mut tx, mut job)) = self.store.job_tx(&job.workspace, job.id).await? else {
            return Ok(());
        };
        if job.state != JobState::Running {
            return Ok(());
        }
        let now = self.ledger.now();
        let mut let_go = sweep(&mut tx, &mut job).await?;
        if job.held_to.is_none() {
            let progress = tx.progress(&job).await?;
            self.stop_causes(&mut tx, &mut job, &progress).await?;
            let_go |= self.give_places(&mut tx, &job).await?;
            if progress.open() == 0 {
                job.state = JobState::Ended;
                job.ended_at = Some(now);
                info!(job = %job.id, ?progress, "a bulk renewal has ended");
            }
        }
        let pause = if job.held_to.is_some() {
            Duration::ZERO
        } else {
            let usual = if job.holds.places.is_some() { CAPPED } else { USUALLY };
            usual.max(begun.elapsed() * 20)
        };
        tx.put(&job, now.plus(pause)).await?;
        tx.commit().await?;
        if let_go {
            self.ledger.ring();
        }
        Ok(())
    }

    /// Judges the first cohort when it is through, and after that every failure.
    async fn stop_causes(&self, tx: &mut JobTx, job: &mut Job, progress: &Progress) -> Result<(), StoreError> {
        let now = self.ledger.now();
        let rule = if job.holds.cohort {
            if tx.cohort_open().await? > 0 {
                return Ok(());
            }
            job.holds.cohort = false;
            job.held_to = Some(beginning());
            // One of the first few speaks for many.
            HaltRule {
                at_least: 1,
                ..job.spec.halt
            }
        } else {
            job.spec.halt
        };
        if progress.failed + progress.needs_manual == 0 {
            return Ok(());
        }
        let settled = tx.settled(job.judged_from).await?;
        let halts = judge(&settled, rule, &job.holds.halts, now);
        if !halts.is_empty() {
            log_halts(job, &halts);
            job.holds.halts.extend(halts);
            job.held_to = Some(beginning());
        }
        Ok(())
    }

    async fn give_places(&self, tx: &mut JobTx, job: &Job) -> Result<bool, StoreError> {
        let (Some(places), Some(held)) = (job.holds.places, job.holds.place()) else {
            return Ok(false);
        };
        let free = places.saturating_sub(tx.going().await?);
        if free == 0 {
            return Ok(false);
        }
        Ok(tx.let_in(&held, free, self.ledger.now()).await? > 0)
    }

    /// Gives up runs that have not ended; what was begun is removed or finished by each of them.
    async fn cancel_some(&self, job: &Job) -> Result<(), StoreError> {
        let open = self.store.open_runs_of_job(job.id, TOLD_AT_ONCE).await?;
        if !open.is_empty() {
            let act = RunAct {
                kind: ActKind::Cancel,
                by: job.cancelled_by.clone().unwrap_or_else(|| job.requested_by.clone()),
                note: format!("job {} was cancelled", job.id),
            };
            self.ledger.tell(&job.workspace, &open, &act).await?;
        }
        let Some((mut tx, mut job)) = self.store.job_tx(&job.workspace, job.id).await? else {
            return Ok(());
        };
        let now = self.ledger.now();
        let mut look_at = now;
        if open.is_empty() {
            look_at = now.plus(USUALLY);
            if tx.progress(&job).await?.open() == 0 {
                job.state = JobState::Cancelled;
                job.ended_at = Some(now);
                info!(job = %job.id, "a bulk renewal is cancelled");
            }
        }
        tx.put(&job, look_at).await?;
        tx.commit().await
    }
}

/// Applies what holds runs to some of those that have not begun; true when some were let go.
async fn sweep(tx: &mut JobTx, job: &mut Job) -> Result<bool, StoreError> {
    let Some(after) = job.held_to else {
        return Ok(false);
    };
    let batch = tx.not_begun(after, i64::from(BATCH)).await?;
    let next = |one: &store::Held| job.holds.held_next(&one.traits, one.in_cohort, one.held.as_deref());
    let changes: Vec<(RunId, Option<String>)> = batch
        .iter()
        .map(|one| (one, next(one)))
        .filter(|(one, next)| one.held != *next)
        .map(|(one, next)| (one.run, next))
        .collect();
    if !changes.is_empty() {
        tx.hold(&changes).await?;
    }
    let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
    job.held_to = batch.last().map(|one| one.run).filter(|_| !is_last);
    Ok(changes.iter().any(|(_, held)| held.is_none()))
}

fn log_halts(job: &Job, halts: &[Halt]) {
    for halt in halts {
        warn!(job = %job.id, %halt, "what shares this cause waits for a person");
    }
}

//! What people ask of jobs: plan, commit, pause, resume, cancel. Each word is kept with the move
//! that it causes.

use domain::job::{FRESH, Holds, Job, JobSpec, JobState, Totals};
use domain::price::usd;
use domain::{Invalid, JobId, RunId, Timestamp, WorkspaceId};
use protocol::request::{Answer, BulkCommitRequest, BulkPlanRequest, JobRequest, JobStanding};
use store::{JobAct, StoreError};
use tracing::info;
use uuid::Uuid;

use super::Jobs;
use crate::decide::once;

/// A word about a job that has runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobActKind {
    Pause,
    Resume,
    Cancel,
}

impl JobActKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

type Moved = Result<(), Invalid>;

impl Jobs {
    /// Takes a wish down; the plan is made in the background. The same key gives the same job.
    pub(crate) async fn take(&self, workspace: &WorkspaceId, request: BulkPlanRequest) -> Result<Answer, StoreError> {
        let now = self.ledger.now();
        let key = request.idempotency_key;
        let wish = ("plan", &request.spec);
        loop {
            // Before it is checked: what was taken once may be past its time when it is asked for
            // again.
            if let Some(given) = self.store.answered(workspace, &key).await? {
                return once::read_answer(given, &wish).map_err(|error| unreadable(&key, &error));
            }
            if let Err(reason) = request.spec.check(now) {
                return Ok(Answer::Rejected { reason });
            }
            let job = new_job(workspace, request.spec.clone(), &request.requested_by, now);
            let answer = Answer::Job { job_id: job.id };
            let kept = once::answer_to_keep(&answer, &wish).map_err(|error| unreadable(&key, &error))?;
            match self.store.add_job(&job, &key, &kept).await {
                Ok(()) => {
                    info!(job = %job.id, by = %request.requested_by, "a bulk renewal is to be planned");
                    self.bell.notify_one();
                    return Ok(answer);
                }
                // Another request with this key was faster.
                Err(StoreError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the runs of a plan be created. Asked twice, it is done once.
    pub(crate) async fn commit(
        &self,
        workspace: &WorkspaceId,
        request: &BulkCommitRequest,
    ) -> Result<Answer, StoreError> {
        let now = self.ledger.now();
        let by = &request.requested_by;
        let month_left = match self.store.job(workspace, request.job_id).await? {
            Some(job) if !job.spec.beyond_month => self.month_left(&job, now).await?,
            Some(_) | None => None,
        };
        let row = act_row(now, by, "commit", "");
        let answer = self.on(workspace, request.job_id, row, |job| {
            affordable(job, month_left)?;
            committed(job, by, request.stale_ok, now)
        });
        let answer = answer.await?;
        self.bell.notify_one();
        Ok(answer)
    }

    pub(crate) async fn tell(
        &self,
        workspace: &WorkspaceId,
        kind: JobActKind,
        request: &JobRequest,
    ) -> Result<Answer, StoreError> {
        let now = self.ledger.now();
        let by = &request.requested_by;
        let note = request.note.as_deref().unwrap_or_default();
        let open = match kind {
            JobActKind::Cancel => self.still_open(workspace, request.job_id).await?,
            JobActKind::Pause | JobActKind::Resume => true,
        };
        let row = act_row(now, by, kind.as_str(), note);
        self.on(workspace, request.job_id, row, |job| match kind {
            JobActKind::Pause => paused(job, by),
            JobActKind::Resume => resumed(job, now),
            JobActKind::Cancel => cancelled(job, by, open, now),
        })
        .await
    }

    /// Whether some run of it has not ended, if only because it asks a person.
    async fn still_open(&self, workspace: &WorkspaceId, id: JobId) -> Result<bool, StoreError> {
        let Some(job) = self.store.job(workspace, id).await? else {
            return Ok(false);
        };
        let progress = self.store.job_progress(&job).await?;
        Ok(progress.open() + progress.needs_manual > 0)
    }

    /// How it stands now, for those who see neither the console nor its record.
    pub(crate) async fn show(&self, workspace: &WorkspaceId, id: JobId) -> Result<Answer, StoreError> {
        let Some(job) = self.store.job(workspace, id).await? else {
            return Ok(no_such(id));
        };
        let progress = self.store.job_progress(&job).await?;
        Ok(Answer::JobStands(Box::new(JobStanding {
            job_id: id,
            state: job.state,
            eta: progress.eta(&job, self.ledger.now()),
            note: job.note,
            totals: job.totals,
            progress,
        })))
    }

    /// Moves a locked job, or says why not.
    async fn on(
        &self,
        workspace: &WorkspaceId,
        id: JobId,
        row: JobAct,
        change: impl FnOnce(&mut Job) -> Moved,
    ) -> Result<Answer, StoreError> {
        let Some((mut tx, mut job)) = self.store.job_tx(workspace, id).await? else {
            return Ok(no_such(id));
        };
        let before = job.clone();
        if let Err(reason) = change(&mut job) {
            return Ok(Answer::Rejected { reason });
        }
        if job != before {
            tx.keep_act(&row).await?;
            tx.put(&job, row.at).await?;
            info!(job = %job.id, by = row.person, verb = row.verb, "people");
            tx.commit().await?;
        }
        Ok(Answer::Job { job_id: id })
    }
}

fn act_row(at: Timestamp, person: &str, verb: &str, note: &str) -> JobAct {
    JobAct {
        at,
        verb: verb.to_owned(),
        person: person.to_owned(),
        note: note.to_owned(),
    }
}

fn no_such(id: JobId) -> Answer {
    let problem = format!("{id} is no job of this workspace");
    let reason = Invalid::new("job_id", problem, "see vigilo job list");
    Answer::Rejected { reason }
}

pub(crate) fn new_job(workspace: &WorkspaceId, spec: JobSpec, by: &str, now: Timestamp) -> Job {
    Job {
        id: JobId::new(),
        workspace: workspace.clone(),
        spec,
        requested_by: by.to_owned(),
        created_at: now,
        state: JobState::Planning,
        note: None,
        hosts: None,
        lines: 0,
        totals: Totals::default(),
        planned_at: None,
        committed_at: None,
        committed_by: None,
        created_to: 0,
        refused: 0,
        queue_positions: Vec::new(),
        holds: Holds::default(),
        held_to: None,
        judged_from: now,
        cancelled_by: None,
        ended_at: None,
    }
}

/// What others have spent since the plan was made may be missing now.
fn affordable(job: &Job, month_left: Option<u64>) -> Moved {
    let cost = job.totals.cost_micro_usd;
    match month_left {
        Some(left) if job.state == JobState::Planned && cost > left => {
            let problem = format!(
                "it costs {}, and the month's budget has {} left now",
                usd(cost),
                usd(left)
            );
            let remedy = "plan anew, or raise the budget: vigilo budget set";
            Err(Invalid::new("job_id", problem, remedy))
        }
        Some(_) | None => Ok(()),
    }
}

fn committed(job: &mut Job, by: &str, stale_ok: bool, now: Timestamp) -> Moved {
    match job.state {
        JobState::Planned => {}
        JobState::Planning => return Err(not_now(job, "commit", "wait until it is planned: vigilo job show")),
        JobState::Committing | JobState::Running | JobState::Ended => return Ok(()),
        JobState::Cancelling | JobState::Cancelled | JobState::Failed => {
            return Err(not_now(job, "commit", "plan anew: vigilo bulk plan"));
        }
    }
    if job.totals.included == 0 {
        let remedy = "see vigilo job lines for the reason of each host, then plan anew";
        return Err(Invalid::new("job_id", "its plan includes no host", remedy));
    }
    if let Some(end) = job.spec.ends_at.filter(|end| *end <= now) {
        let problem = format!("no run of it may begin after {end}, which has passed");
        return Err(Invalid::new("job_id", problem, "plan anew, with a later end"));
    }
    if let Some(at) = job.planned_at.filter(|at| now.since(*at) > FRESH && !stale_ok) {
        let problem = format!("its plan is of {at}: runs, certificates and limits have moved on since");
        let remedy = "plan anew, or commit it as it is: --stale-ok";
        return Err(Invalid::new("job_id", problem, remedy));
    }
    job.state = JobState::Committing;
    job.committed_at = Some(now);
    job.committed_by = Some(by.to_owned());
    job.judged_from = now;
    job.holds.cohort = job.spec.canary.is_some();
    job.holds.places = job.spec.concurrency;
    Ok(())
}

fn paused(job: &mut Job, by: &str) -> Moved {
    has_runs(job, "pause")?;
    if job.holds.paused_by.is_none() {
        job.holds.paused_by = Some(by.to_owned());
        job.held_to = Some(RunId::from_uuid(Uuid::nil()));
    }
    Ok(())
}

fn resumed(job: &mut Job, now: Timestamp) -> Moved {
    has_runs(job, "resume")?;
    if !job.holds.is_stopped() {
        let remedy = "see vigilo job show; runs that need a person are resumed each: vigilo resume";
        return Err(Invalid::new("job_id", "it is neither paused nor halted", remedy));
    }
    job.holds.paused_by = None;
    job.holds.halts.clear();
    job.judged_from = now;
    job.held_to = Some(RunId::from_uuid(Uuid::nil()));
    Ok(())
}

fn cancelled(job: &mut Job, by: &str, open: bool, now: Timestamp) -> Moved {
    match job.state {
        JobState::Planning | JobState::Planned | JobState::Failed => {
            job.state = JobState::Cancelled;
            job.ended_at = Some(now);
        }
        JobState::Ended if !open => return Err(not_now(job, "cancel", "every run of it has ended: vigilo job show")),
        // Runs of one that has ended may still ask a person.
        JobState::Committing | JobState::Running | JobState::Ended => job.state = JobState::Cancelling,
        JobState::Cancelling | JobState::Cancelled => return Ok(()),
    }
    job.cancelled_by = Some(by.to_owned());
    Ok(())
}

fn has_runs(job: &Job, verb: &str) -> Moved {
    match job.state {
        JobState::Committing | JobState::Running => Ok(()),
        JobState::Planning | JobState::Planned => Err(not_now(job, verb, "it has no runs before its commit")),
        JobState::Cancelling | JobState::Cancelled | JobState::Ended | JobState::Failed => Err(not_now(
            job,
            verb,
            "nothing more can be done with it; plan a new one if one is needed",
        )),
    }
}

fn not_now(job: &Job, verb: &str, remedy: &str) -> Invalid {
    let problem = format!("it cannot {verb} now: it is {}", job.state.as_str());
    Invalid::new("job_id", problem, remedy)
}

fn unreadable(key: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: "requests",
        id: key.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! A bulk renewal as people see it: what is wanted, what the plan says, how far it is, what stops it.

use api::jobs::{Halt, Job, JobDetail, JobLine};
use api::runs::Act;
use domain::Timestamp;
use domain::job::{self, JobState, Progress};
use store::{JobAct, LineView};

pub(crate) fn head(job: job::Job) -> Job {
    Job {
        id: job.id,
        state: job.state,
        note: job.note,
        paused_by: job.holds.paused_by,
        halts: job.holds.halts.into_iter().map(halt).collect(),
        waits_for_cohort: job.holds.cohort,
        spec: job.spec,
        requested_by: job.requested_by,
        created_at: job.created_at,
        hosts: job.hosts,
        decided: job.lines,
        totals: job.totals,
        planned_at: job.planned_at,
        committed_at: job.committed_at,
        committed_by: job.committed_by,
        cancelled_by: job.cancelled_by,
        ended_at: job.ended_at,
    }
}

fn halt(halt: job::Halt) -> Halt {
    Halt {
        what: halt.to_string(),
        help: api::help(halt.code.as_str()),
        halt,
    }
}

/// How far the runs of a job have come, and what they have cost.
pub(crate) struct JobSoFar {
    pub(crate) progress: Progress,
    pub(crate) cost_micro_usd: u64,
}

pub(crate) fn detail(job: job::Job, so_far: JobSoFar, acts: Vec<JobAct>, now: Timestamp) -> JobDetail {
    let progress = so_far.progress;
    let goes_on = job.state == JobState::Running && !job.holds.is_stopped();
    JobDetail {
        eta: progress.eta(&job, now).filter(|_| goes_on),
        progress,
        cost_so_far_micro_usd: so_far.cost_micro_usd,
        acts: acts.into_iter().map(act).collect(),
        job: head(job),
    }
}

fn act(act: JobAct) -> Act {
    Act {
        at: act.at,
        verb: act.verb,
        by: act.person,
        note: act.note,
    }
}

pub(crate) fn line(view: LineView) -> JobLine {
    JobLine {
        nr: view.nr,
        hostname: view.hostname,
        run_id: (!view.decision.names_a_run()).then_some(view.run_id),
        decision: view.decision,
        in_cohort: view.in_cohort,
        run_status: view.run_status,
        held: view.held,
        refused: view.refused,
    }
}

//! A bulk renewal as people see it: what is wanted, what the plan says, how far it is, what stops it.

use domain::job::{Decision, Halt, Job, JobSpec, JobState, Progress, Refusal, Totals};
use domain::{JobId, RunId, Timestamp};
use serde::Serialize;
use store::{JobAct, LineView};

#[derive(Serialize)]
pub(crate) struct ShownJob {
    id: JobId,
    state: JobState,
    /// Why it failed.
    note: Option<String>,
    paused_by: Option<String>,
    halts: Vec<ShownHalt>,
    /// The others wait until the first few are verified.
    waits_for_cohort: bool,
    spec: JobSpec,
    requested_by: String,
    created_at: Timestamp,
    /// How many hosts the filter chose, once it is known, and how many of them are decided.
    hosts: Option<u32>,
    decided: u32,
    totals: Totals,
    planned_at: Option<Timestamp>,
    committed_at: Option<Timestamp>,
    committed_by: Option<String>,
    cancelled_by: Option<String>,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct ShownHalt {
    #[serde(flatten)]
    halt: Halt,
    what: String,
    help: String,
}

#[derive(Serialize)]
pub(crate) struct WholeJob {
    #[serde(flatten)]
    job: ShownJob,
    progress: Progress,
    /// When it will end at the pace that it has.
    eta: Option<Timestamp>,
    /// What was issued so far cost this, in millionths of a US dollar.
    cost_so_far_micro_usd: u64,
    acts: Vec<ShownAct>,
}

#[derive(Serialize)]
struct ShownAct {
    at: Timestamp,
    verb: String,
    by: String,
    note: String,
}

#[derive(Serialize)]
pub(crate) struct ShownLine {
    nr: u32,
    hostname: String,
    #[serde(flatten)]
    decision: Decision,
    in_cohort: bool,
    run_id: Option<RunId>,
    run_status: Option<String>,
    held: Option<String>,
    refused: Option<Refusal>,
}

pub(crate) fn head(job: Job) -> ShownJob {
    ShownJob {
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

fn halt(halt: Halt) -> ShownHalt {
    ShownHalt {
        what: halt.to_string(),
        help: crate::pages::path(halt.code.as_str()),
        halt,
    }
}

pub(crate) fn whole(job: Job, (progress, cost): (Progress, u64), acts: Vec<JobAct>, now: Timestamp) -> WholeJob {
    let goes_on = job.state == JobState::Running && !job.holds.is_stopped();
    WholeJob {
        eta: progress.eta(&job, now).filter(|_| goes_on),
        progress,
        cost_so_far_micro_usd: cost,
        acts: acts.into_iter().map(act).collect(),
        job: head(job),
    }
}

fn act(act: JobAct) -> ShownAct {
    ShownAct {
        at: act.at,
        verb: act.verb,
        by: act.person,
        note: act.note,
    }
}

pub(crate) fn line(view: LineView) -> ShownLine {
    ShownLine {
        nr: view.nr,
        hostname: view.hostname,
        decision: view.decision,
        in_cohort: view.in_cohort,
        run_id: view.run_id,
        run_status: view.run_status,
        held: view.held,
        refused: view.refused,
    }
}

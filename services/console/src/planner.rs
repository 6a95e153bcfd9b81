//! Asking the planner: the only service that moves runs.

use api::acts::ToldMany;
use bus::{Bus, BusError};
use domain::job::JobSpec;
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use domain::{Hostname, JobId, RunId, Timestamp};
use protocol::request::{
    Accepted, Amendment, Answer, BulkCommitRequest, BulkPlanRequest, JobRequest, ProbeRequest, Refused, RenewRequest,
    ResolveRequest, RunRequest, RunsRequest, Verb,
};

use crate::auth::Caller;
use crate::error::{Code, Problem};

/// Hostnames or runs of one request to the planner: more would not fit into one of its transactions
/// comfortably.
const AT_ONCE: usize = 500;

#[derive(Clone)]
pub(crate) struct Planner {
    bus: Bus,
}

/// What is asked for, once for all hostnames.
pub(crate) struct WantedRenewal {
    pub mode: Option<Mode>,
    pub strategy: Option<Strategy>,
    pub trigger: Trigger,
    pub idempotency_key: String,
    pub at_once: bool,
    pub when_allowed: bool,
    pub despite_cooldown: bool,
}

/// What the planner said of all hostnames.
#[derive(Default)]
pub(crate) struct Renewed {
    pub accepted: Vec<Accepted>,
    pub refused: Vec<Refused>,
    pub warning: Option<String>,
}

/// A person's word on runs, and why.
pub(crate) struct PersonsAct {
    pub verb: Verb,
    pub note: Option<String>,
    /// Of resume: with a new account at the CA.
    pub new_account: bool,
}

impl Planner {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Asks for runs of all hostnames, part by part. Each part has a key of its own, made of the
    /// wish's: asking again after a silence finds every part that was carried out.
    pub(crate) async fn renew(
        &self,
        caller: &Caller,
        hostnames: &[Hostname],
        wanted: &WantedRenewal,
    ) -> Result<Renewed, Problem> {
        let mut all = Renewed::default();
        for (part, names) in hostnames.chunks(AT_ONCE).enumerate() {
            let request = RenewRequest {
                hostnames: names.to_vec(),
                mode: wanted.mode,
                strategy: wanted.strategy,
                idempotency_key: format!("{}.{part}", wanted.idempotency_key),
                requested_by: caller.name.clone(),
                trigger: wanted.trigger,
                at_once: wanted.at_once,
                when_allowed: wanted.when_allowed,
                despite_cooldown: wanted.despite_cooldown,
            };
            let answer = self.bus.request(&caller.workspace, Verb::Renew, &request).await;
            match answer.map_err(|error| silence(error, &wanted.idempotency_key))? {
                Answer::Renewal {
                    accepted: yes,
                    refused: no,
                    warning,
                } => {
                    all.accepted.extend(yes);
                    all.refused.extend(no);
                    // Of the parts the last one knows of all before it.
                    all.warning = warning.or(all.warning);
                }
                Answer::Rejected { reason } => return Err(reason.into()),
                Answer::Done { .. }
                | Answer::Told { .. }
                | Answer::Probing { .. }
                | Answer::Job { .. }
                | Answer::JobStands(_)
                | Answer::Events { .. } => {
                    return Err(unexpected_answer());
                }
            }
        }
        Ok(all)
    }

    /// Has a host looked at now. Gives the instant of the ask, which the host shows once it was
    /// answered.
    pub(crate) async fn probe(&self, caller: &Caller, hostname: &Hostname) -> Result<Timestamp, Problem> {
        let request = ProbeRequest {
            hostnames: vec![hostname.clone()],
            requested_by: caller.name.clone(),
        };
        match self.bus.request(&caller.workspace, Verb::Probe, &request).await? {
            Answer::Probing { asked_at, refused, .. } => match refused.into_iter().next() {
                None => Ok(asked_at),
                Some(refused) => Err(Problem::field(Code::NoSuchThing, refused.reason)),
            },
            Answer::Rejected { reason } => Err(reason.into()),
            Answer::Renewal { .. }
            | Answer::Told { .. }
            | Answer::Done { .. }
            | Answer::Job { .. }
            | Answer::JobStands(_)
            | Answer::Events { .. } => Err(unexpected_answer()),
        }
    }

    pub(crate) async fn tell(&self, caller: &Caller, act: &PersonsAct, run_id: RunId) -> Result<Amendment, Problem> {
        let request = RunRequest {
            run_id,
            requested_by: caller.name.clone(),
            note: act.note.clone(),
            new_account: act.new_account,
        };
        expect_done(self.bus.request(&caller.workspace, act.verb, &request).await?)
    }

    /// Of many, part by part; each run is told or refused for itself.
    pub(crate) async fn tell_all(&self, caller: &Caller, act: &PersonsAct, ids: &[RunId]) -> Result<ToldMany, Problem> {
        let mut all = ToldMany::default();
        for part in ids.chunks(AT_ONCE) {
            let request = RunsRequest {
                run_ids: part.to_vec(),
                requested_by: caller.name.clone(),
                note: act.note.clone(),
                new_account: act.new_account,
            };
            match self.bus.request(&caller.workspace, act.verb, &request).await? {
                Answer::Told { done, refused, amended } => {
                    all.done.extend(done);
                    all.refused.extend(refused);
                    all.amended.extend(amended);
                }
                Answer::Rejected { reason } => return Err(reason.into()),
                Answer::Done { .. }
                | Answer::Renewal { .. }
                | Answer::Probing { .. }
                | Answer::Job { .. }
                | Answer::JobStands(_)
                | Answer::Events { .. } => {
                    return Err(unexpected_answer());
                }
            }
        }
        Ok(all)
    }

    /// Has a bulk renewal planned; the key is its own for as long as answers are kept.
    pub(crate) async fn plan(&self, caller: &Caller, spec: JobSpec, key: String) -> Result<JobId, Problem> {
        let request = BulkPlanRequest {
            spec,
            idempotency_key: key.clone(),
            requested_by: caller.name.clone(),
        };
        let answer = self.bus.request(&caller.workspace, Verb::BulkPlan, &request).await;
        expect_job(answer.map_err(|error| silence(error, &key))?)
    }

    pub(crate) async fn commit(&self, caller: &Caller, job_id: JobId, stale_ok: bool) -> Result<JobId, Problem> {
        let request = BulkCommitRequest {
            job_id,
            requested_by: caller.name.clone(),
            stale_ok,
        };
        expect_job(self.bus.request(&caller.workspace, Verb::BulkCommit, &request).await?)
    }

    pub(crate) async fn tell_job(
        &self,
        caller: &Caller,
        verb: Verb,
        job_id: JobId,
        note: Option<String>,
    ) -> Result<JobId, Problem> {
        let request = JobRequest {
            job_id,
            requested_by: caller.name.clone(),
            note,
        };
        expect_job(self.bus.request(&caller.workspace, verb, &request).await?)
    }

    pub(crate) async fn resolve(&self, caller: &Caller, request: &ResolveRequest) -> Result<(), Problem> {
        expect_done(self.bus.request(&caller.workspace, Verb::Resolve, request).await?).map(drop)
    }
}

/// What is wrong with the run's place is a conflict, what is wrong with the upload a refused value.
fn expect_done(answer: Answer) -> Result<Amendment, Problem> {
    match answer {
        Answer::Done { amendment, .. } => Ok(amendment),
        Answer::Rejected { reason } if reason.field == "run_id" => Err(Problem::field(Code::OutOfPlace, reason)),
        Answer::Rejected { reason } => Err(reason.into()),
        Answer::Renewal { .. }
        | Answer::Told { .. }
        | Answer::Probing { .. }
        | Answer::Job { .. }
        | Answer::JobStands(_)
        | Answer::Events { .. } => Err(unexpected_answer()),
    }
}

/// A job that stands where it cannot is a conflict, a wish that cannot be a refused value.
fn expect_job(answer: Answer) -> Result<JobId, Problem> {
    match answer {
        Answer::Job { job_id } => Ok(job_id),
        Answer::Rejected { reason } if reason.field == "job_id" => Err(Problem::field(Code::OutOfPlace, reason)),
        Answer::Rejected { reason } => Err(reason.into()),
        Answer::Renewal { .. }
        | Answer::Told { .. }
        | Answer::Probing { .. }
        | Answer::Done { .. }
        | Answer::JobStands(_)
        | Answer::Events { .. } => Err(unexpected_answer()),
    }
}

/// Without the key the request could not be repeated safely.
fn silence(error: BusError, key: &str) -> Problem {
    match error {
        BusError::Timeout { .. } | BusError::NoResponders { .. } => {
            let detail = format!(
                "the request is stored and is carried out once a planner runs; send the same again with \
                 \"idempotency_key\": \"{key}\" for its answer, nothing is done twice"
            );
            Problem::new(Code::PlannerSilent, detail)
        }
        other @ (BusError::Unavailable(_)
        | BusError::TooOld { .. }
        | BusError::Malformed(_)
        | BusError::Disbelieved { .. }
        | BusError::Keys(_)) => other.into(),
    }
}

fn unexpected_answer() -> Problem {
    Problem::new(
        Code::Unreadable,
        "the planner answered something else; planner and console may be of different versions",
    )
}

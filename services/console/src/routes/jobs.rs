//! `/jobs`: bulk renewals; planned, looked at, committed, and told to pause, resume or cancel as one.

use api::Page;
use api::jobs::{Commit, Job, JobDetail, JobLine, JobNote, JobTaken, NewJob};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::job::{self, JobState, LeftOut};
use domain::{Invalid, JobId};
use protocol::request::Verb;
use serde::Deserialize;
use store::{LineFilter, Store};

use crate::auth::Caller;
use crate::body::{Body, Perhaps};
use crate::error::Problem;
use crate::planner::Planner;
use crate::query::{Params, limit};
use crate::routes::renewals::key;
use crate::state::Now;
use crate::views::job::{self as views, JobSoFar};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    state: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    decision: Option<String>,
    reason: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

/// Takes a wish down. The plan is ready a little later, and nothing happens to any host before its commit.
pub(crate) async fn plan(
    State(planner): State<Planner>,
    caller: Caller,
    Body(wish): Body<NewJob>,
) -> Result<(StatusCode, Json<JobTaken>), Problem> {
    let idempotency_key = key(wish.idempotency_key)?;
    let job_id = planner.plan(&caller, wish.spec, idempotency_key).await?;
    Ok((StatusCode::ACCEPTED, Json(JobTaken { job_id })))
}

/// Newest first.
pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<Job>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let state = list.state.as_deref().map(state).transpose()?;
    let before = list.after.as_deref().map(cursor::<JobId>).transpose()?;
    let rows = store.jobs(&caller.workspace, state, before, limit + 1).await?;
    let page = Page::of(rows, limit, |job| job.id.to_string());
    Ok(Json(page.map(views::head)))
}

pub(crate) async fn show(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobDetail>, Problem> {
    let job = load(&store, &caller, &id).await?;
    let progress = store.job_progress(&job).await?;
    // A plan without a price needs no sum over its runs.
    let cost = match job.totals.cost_micro_usd {
        0 => 0,
        _ => store.job_cost(job.id).await?,
    };
    let acts = store.job_acts(job.id).await?;
    let so_far = JobSoFar {
        progress,
        cost_micro_usd: cost,
    };
    Ok(Json(views::detail(job, so_far, acts, now.read())))
}

/// In the order of the plan: the most critical and the soonest to expire first.
pub(crate) async fn lines(
    State(store): State<Store>,
    caller: Caller,
    Path(id): Path<String>,
    Params(lines): Params<Lines>,
) -> Result<Json<Page<JobLine>>, Problem> {
    let limit = limit(lines.limit.as_deref())?;
    let job = load(&store, &caller, &id).await?;
    let filter = LineFilter {
        included: lines.decision.as_deref().map(decision).transpose()?,
        reason: lines.reason.as_deref().map(reason).transpose()?,
        after: lines.after.as_deref().map(cursor::<u32>).transpose()?.unwrap_or(0),
    };
    let rows = store.job_lines(&caller.workspace, job.id, &filter, limit + 1).await?;
    let page = Page::of(rows, limit, |line| line.nr.to_string());
    Ok(Json(page.map(views::line)))
}

pub(crate) async fn commit(
    context: JobActContext,
    Perhaps(how): Perhaps<Commit>,
) -> Result<(StatusCode, Json<JobTaken>), Problem> {
    let job_id = load(&context.store, &context.caller, &context.id).await?.id;
    context.planner.commit(&context.caller, job_id, how.stale_ok).await?;
    Ok((StatusCode::ACCEPTED, Json(JobTaken { job_id })))
}

pub(crate) async fn pause(context: JobActContext, Perhaps(why): Perhaps<JobNote>) -> Result<Json<JobTaken>, Problem> {
    context.tell(Verb::JobPause, why).await
}

pub(crate) async fn resume(context: JobActContext, Perhaps(why): Perhaps<JobNote>) -> Result<Json<JobTaken>, Problem> {
    context.tell(Verb::JobResume, why).await
}

pub(crate) async fn cancel(context: JobActContext, Perhaps(why): Perhaps<JobNote>) -> Result<Json<JobTaken>, Problem> {
    context.tell(Verb::JobCancel, why).await
}

/// Who speaks of which job.
#[derive(axum::extract::FromRequestParts)]
#[from_request(state(crate::state::Console))]
pub(crate) struct JobActContext {
    #[from_request(via(State))]
    store: Store,
    #[from_request(via(State))]
    planner: Planner,
    caller: Caller,
    #[from_request(via(Path))]
    id: String,
}

impl JobActContext {
    async fn tell(self, verb: Verb, why: JobNote) -> Result<Json<JobTaken>, Problem> {
        let job_id = load(&self.store, &self.caller, &self.id).await?.id;
        self.planner.tell_job(&self.caller, verb, job_id, why.note).await?;
        Ok(Json(JobTaken { job_id }))
    }
}

async fn load(store: &Store, caller: &Caller, id: &str) -> Result<job::Job, Problem> {
    let id: JobId = id.parse()?;
    let found = store.job(&caller.workspace, id).await?;
    found.ok_or_else(|| Problem::absent("job_id", id))
}

fn state(text: &str) -> Result<JobState, Invalid> {
    let known = JobState::ALL.map(JobState::as_str);
    JobState::parse(text).ok_or_else(|| unknown("state", text, &known))
}

fn reason(text: &str) -> Result<String, Invalid> {
    let known = LeftOut::REASONS.contains(&text).then(|| text.to_owned());
    known.ok_or_else(|| unknown("reason", text, &LeftOut::REASONS))
}

fn decision(text: &str) -> Result<bool, Invalid> {
    match text {
        "included" => Ok(true),
        "left_out" => Ok(false),
        other => Err(unknown("decision", other, &["included", "left_out"])),
    }
}

fn unknown(field: &str, text: &str, known: &[&str]) -> Invalid {
    let remedy = format!("give one of {}", known.join(", "));
    Invalid::new(field, format!("{text:?} is unknown"), remedy)
}

fn cursor<T: std::str::FromStr>(text: &str) -> Result<T, Invalid> {
    let refused = |_| {
        Invalid::new(
            "after",
            format!("{text:?} is no place"),
            "give the `next` of the page before",
        )
    };
    text.parse().map_err(refused)
}

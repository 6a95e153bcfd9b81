//! A run as people see it: where it stands, and why it stands there.

use domain::disposition::{ErrorCode, Failure, Question};
use domain::host::Criticality;
use domain::plan::{Choice, Plan};
use domain::run::{Because, Course, Ending, Mode, Position, Status, Step, Trigger, Turned};
use domain::{DnsName, HostId, Hostname, JobId, PolicyId, RunId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use store::{Act, RunView, StepView};

use super::{open_only, waiting};

/// With the page that explains its code.
#[derive(Serialize)]
pub(crate) struct Helped<T> {
    #[serde(flatten)]
    said: T,
    help: String,
}

fn helped<T>(said: T, code: &ErrorCode) -> Helped<T> {
    let help = crate::pages::path(code.as_str());
    Helped { said, help }
}

/// The few fields that a progress view asks for again and again.
#[derive(Serialize)]
pub(crate) struct Standing {
    id: RunId,
    hostname: Hostname,
    status: Status,
    step: Option<Step>,
    /// Why it waits: for its `turn`, for the time that its job has `planned`, `resting` while the world needs time, for a
    /// `retry`, a maintenance `window`, the end of the `cooldown`, or a `limit` of the CA; `working` while an order is out.
    because: Option<&'static str>,
    /// The same in words, with the instant, when it waits for something that has a name; or which service does not pick its
    /// order up.
    waits_for: Option<String>,
    /// Why it is kept back although it is due.
    held: Option<String>,
    question: Option<Helped<Question>>,
    /// Why it ended, or what the last try met.
    failure: Option<Helped<Failure>>,
}

#[derive(Serialize)]
pub(crate) struct ShownRun {
    #[serde(flatten)]
    standing: Standing,
    /// Not before this instant it goes on; while an order is out, when it is given again.
    until: Option<Timestamp>,
    cancelled_by: Option<String>,
    attempt: u32,
    failures: u32,
    /// Since when its present step fails, try after try.
    failing_since: Option<Timestamp>,
    host_id: HostId,
    policy_id: PolicyId,
    /// The bulk renewal that it belongs to.
    job_id: Option<JobId>,
    criticality: Criticality,
    mode: Mode,
    trigger: Trigger,
    operator: String,
    choice: Choice,
    /// Who is asked when the chosen one cannot issue, in this order.
    fallbacks: Vec<Choice>,
    /// Why the next of them was asked, each time: as many as there are here were given up.
    turned: Vec<Turned>,
    /// The directory of the CA that is asked now, or was last.
    asked: String,
    why_now: Option<String>,
    names: Vec<DnsName>,
    targets: Vec<String>,
    steps_planned: Vec<Step>,
    created_at: Timestamp,
    moved_at: Timestamp,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
pub(crate) struct WholeRun {
    #[serde(flatten)]
    run: ShownRun,
    steps: Vec<ShownStep>,
    /// What a rehearsal leaves open; nothing for a live run.
    cannot_know: Vec<String>,
    /// What people did to it, oldest first.
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
struct ShownStep {
    step: String,
    attempt: u32,
    outcome: String,
    summary: String,
    worker: String,
    started_at: Timestamp,
    ended_at: Timestamp,
    checks: Value,
    log: Value,
}

impl Standing {
    /// What it waits for is what is said here, unless it has said that already.
    pub(crate) fn or_waits_for(mut self, said: Option<String>) -> Self {
        self.waits_for = self.waits_for.or(said);
        self
    }
}

impl WholeRun {
    pub(crate) fn or_waits_for(mut self, said: Option<String>) -> Self {
        self.run.standing = self.run.standing.or_waits_for(said);
        self
    }
}

pub(crate) fn standing(view: &RunView) -> Standing {
    let state = &view.run.state;
    let (because, question, failure) = match &state.position {
        Position::Waiting { because, .. } => match because {
            Because::Turn => (Some("turn"), None, None),
            Because::Planned => (Some("planned"), None, None),
            Because::Resting => (Some("resting"), None, None),
            Because::Retry { failure } => (Some("retry"), None, Some(helped(failure.clone(), &failure.code))),
            Because::Window => (Some("window"), None, None),
            Because::Cooldown => (Some("cooldown"), None, None),
            Because::Limit { .. } => (Some("limit"), None, None),
        },
        Position::Out { .. } => (Some("working"), None, None),
        Position::Asking { question, .. } => (None, Some(helped(question.clone(), &question.code)), None),
        Position::Ended {
            ending: Ending::Failed { failure, .. },
        } => (None, None, Some(helped(failure.clone(), &failure.code))),
        Position::Ended {
            ending: Ending::Succeeded | Ending::Cancelled { .. },
        } => (None, None, None),
    };
    Standing {
        id: view.run.head.id,
        hostname: view.run.head.hostname.clone(),
        status: state.status(),
        step: state.step(),
        because,
        waits_for: waiting::words(&view.run),
        held: view
            .held
            .clone()
            .filter(|_| matches!(state.position, Position::Waiting { .. })),
        question,
        failure,
    }
}

pub(crate) fn run(view: RunView) -> ShownRun {
    let standing = standing(&view);
    let (head, plan, state) = (view.run.head, view.run.plan, view.run.state);
    let (until, cancelled_by) = match state.position {
        Position::Waiting { until, .. } | Position::Out { deadline: until, .. } => (Some(until), state.cancelled_by),
        Position::Asking { retry_at, .. } => (retry_at, state.cancelled_by),
        Position::Ended {
            ending: Ending::Cancelled { by },
        } => (None, Some(by)),
        Position::Ended { .. } => (None, state.cancelled_by),
    };
    ShownRun {
        ended_at: standing.status.is_ending().then_some(view.moved_at),
        standing,
        until,
        cancelled_by,
        attempt: state.attempt,
        failures: state.failures,
        failing_since: state.course.failing_since,
        host_id: head.host_id,
        policy_id: head.policy_id,
        job_id: head.job,
        criticality: head.criticality,
        mode: head.mode,
        trigger: head.trigger,
        operator: head.operator,
        targets: plan.targets.iter().map(domain::target::Target::title).collect(),
        steps_planned: planned(&plan, head.mode, &state.course),
        asked: plan.asked(&state.course).directory_url.to_string(),
        turned: state.course.turned,
        choice: plan.choice,
        fallbacks: plan.fallbacks,
        why_now: plan.why_now,
        names: plan.names,
        created_at: head.created_at,
        moved_at: view.moved_at,
    }
}

/// The steps of a run that nothing disturbs.
fn planned(plan: &Plan, mode: Mode, course: &Course) -> Vec<Step> {
    let mut steps = plan.steps(mode);
    steps.retain(|step| *step != Step::Tidy || !course.tidied);
    steps
}

pub(crate) fn whole(view: RunView, steps: Vec<StepView>, acts: Vec<Act>) -> WholeRun {
    WholeRun {
        cannot_know: cannot_know(&view),
        run: run(view),
        steps: steps.into_iter().map(step).collect(),
        acts: acts.into_iter().map(act).collect(),
    }
}

fn act(act: Act) -> ShownAct {
    ShownAct {
        at: act.at,
        verb: act.verb,
        by: act.person,
        note: act.note,
    }
}

/// A rehearsal stops before anything is changed: this only the live run shows.
fn cannot_know(view: &RunView) -> Vec<String> {
    let plan = &view.run.plan;
    match view.run.head.mode {
        Mode::Live => Vec::new(),
        Mode::DryRun => {
            let ca = &plan.choice.directory_url;
            let issuance =
                format!("whether {ca} issues: the order was not finalized, and no limit on certificates was met");
            let targets = plan.targets.iter().map(|target| {
                let target = target.title();
                format!("whether {target} takes the certificate and reloads: nothing was installed, no reload was run")
            });
            let served = "whether the new certificate is served: what is served today was looked at".to_owned();
            std::iter::once(issuance).chain(targets).chain([served]).collect()
        }
    }
}

fn step(view: StepView) -> ShownStep {
    ShownStep {
        step: view.step,
        attempt: view.attempt,
        outcome: view.outcome,
        summary: view.summary,
        worker: view.worker,
        started_at: view.started_at,
        ended_at: view.ended_at,
        checks: open_only(view.checks),
        log: open_only(view.log),
    }
}

/// One list of exchanges out of the lists of the attempts.
pub(crate) fn exchange(attempts: Vec<Value>) -> Vec<Value> {
    let one = |list: Value| match open_only(list) {
        Value::Array(exchanges) => exchanges,
        other => vec![other],
    };
    attempts.into_iter().flat_map(one).collect()
}

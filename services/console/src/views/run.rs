//! A run as people see it: where it stands, and why it stands there.

use api::runs::{Act, Because, Failure, OfferedAnswer, Question, Run, RunDetail, Standing, StepRecord};
use domain::disposition;
use domain::plan::Plan;
use domain::run::{self, Ending, Mode, Position, RunProgress, Step};
use protocol::report::Exchange;
use serde_json::Value;
use store::{RunView, StepView, StoreError};

use super::{log, open, waiting};

fn explained(failure: &disposition::Failure) -> Failure {
    Failure {
        help: api::help(failure.code.as_str()),
        failure: failure.clone(),
    }
}

/// A question with everything that it may be answered with.
fn asked(question: &disposition::Question) -> Question {
    let common = question.answers.iter().copied().map(OfferedAnswer::Common);
    let further = question.further.iter().copied().map(OfferedAnswer::Further);
    Question {
        failure: question.as_failure(),
        answers: common.chain(further).collect(),
        help: api::help(question.code.as_str()),
    }
}

/// What it waits for is what is said here, unless it has said that already.
pub(crate) fn or_waits_for(mut standing: Standing, said: Option<String>) -> Standing {
    standing.waits_for = standing.waits_for.or(said);
    standing
}

pub(crate) fn standing(view: &RunView) -> Standing {
    let state = &view.run.state;
    let (because, question, failure) = match &state.position {
        Position::Waiting { because, .. } => match because {
            run::Because::Turn => (Some(Because::Turn), None, None),
            run::Because::Planned => (Some(Because::Planned), None, None),
            run::Because::Resting => (Some(Because::Resting), None, None),
            run::Because::Retry { failure } => (Some(Because::Retry), None, Some(explained(failure))),
            run::Because::Window => (Some(Because::Window), None, None),
            run::Because::Cooldown => (Some(Because::Cooldown), None, None),
            run::Because::Limit { .. } => (Some(Because::Limit), None, None),
        },
        Position::Out { .. } => (Some(Because::Working), None, None),
        Position::Asking { question, .. } => (None, Some(asked(question)), None),
        Position::Ended {
            ending: Ending::Failed { failure, .. },
        } => (None, None, Some(explained(failure))),
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

#[expect(clippy::too_many_lines, reason = "one field of the answer after the other")]
pub(crate) fn run(view: RunView) -> Run {
    let standing = standing(&view);
    let (head, plan, state) = (view.run.head, view.run.plan, view.run.state);
    let stays = match &state.position {
        Position::Ended {
            ending: Ending::Cancelled { stays, .. },
        } => stays.clone(),
        Position::Waiting { .. } | Position::Out { .. } | Position::Asking { .. } | Position::Ended { .. } => {
            Vec::new()
        }
    };
    let (until, cancelled_by) = match state.position {
        Position::Waiting { until, .. } | Position::Out { deadline: until, .. } => (Some(until), state.cancelled_by),
        Position::Asking { retry_at, .. } => (retry_at, state.cancelled_by),
        Position::Ended {
            ending: Ending::Cancelled { by, .. },
        } => (None, Some(by)),
        Position::Ended { .. } => (None, state.cancelled_by),
    };
    Run {
        ended_at: standing.status.is_ending().then_some(view.moved_at),
        standing,
        until,
        cancelled_by,
        stays,
        attempt: state.attempt,
        failures: state.failures,
        failing_since: state.progress.failing_since,
        host_id: head.host_id,
        policy_id: head.policy_id,
        job_id: head.job,
        criticality: head.criticality,
        mode: head.mode,
        trigger: head.trigger,
        operator: head.operator,
        targets: plan.targets.iter().map(|target| target.body().title()).collect(),
        steps_planned: planned(&plan, head.mode, &state.progress),
        current_ca: plan.current_ca(&state.progress).ca.to_string(),
        failovers: state.progress.failovers,
        choice: plan.choice,
        fallbacks: plan.fallbacks,
        why_now: plan.why_now,
        names: plan.names,
        created_at: head.created_at,
        moved_at: view.moved_at,
    }
}

/// The steps of a run that nothing disturbs.
fn planned(plan: &Plan, mode: Mode, progress: &RunProgress) -> Vec<Step> {
    let mut steps = plan.steps(mode);
    steps.retain(|step| *step != Step::Tidy || !progress.tidied);
    steps
}

pub(crate) fn detail(view: RunView, steps: Vec<StepView>, acts: Vec<store::Act>) -> Result<RunDetail, StoreError> {
    Ok(RunDetail {
        cannot_know: cannot_know(&view),
        run: run(view),
        steps: steps.into_iter().map(step).collect::<Result<_, StoreError>>()?,
        acts: acts.into_iter().map(act).collect(),
    })
}

fn act(act: store::Act) -> Act {
    Act {
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
            let ca = &plan.choice.ca;
            let issuance =
                format!("whether {ca} issues: the order was not finalized, and no limit on certificates was met");
            let targets = plan.targets.iter().map(|target| {
                let target = target.body().title();
                format!("whether {target} takes the certificate: nothing was installed, no activation was run")
            });
            let served = "whether the new certificate is served: what is served today was looked at".to_owned();
            std::iter::once(issuance).chain(targets).chain([served]).collect()
        }
    }
}

fn step(view: StepView) -> Result<StepRecord, StoreError> {
    let (log, checks) = log::stored_log(&view)?;
    Ok(StepRecord {
        step: view.step,
        attempt: view.attempt,
        outcome: view.outcome,
        summary: view.summary,
        worker: view.worker,
        started_at: view.started_at,
        ended_at: view.ended_at,
        checks,
        log,
    })
}

/// One list of exchanges out of the lists of the attempts.
pub(crate) fn exchange(attempts: Vec<Value>) -> Result<Vec<Exchange>, StoreError> {
    let lists = attempts.into_iter().map(|list| open(list, "run_steps"));
    let lists: Vec<Vec<Exchange>> = lists.collect::<Result<_, StoreError>>()?;
    Ok(lists.into_iter().flatten().collect())
}

//! Bulk renewals: the plan in numbers, and where its runs stand.

use api::jobs::{Job, JobDetail, JobTaken};
use domain::job::{Canary, Cooldown, JobSpec, JobState, Progress, Totals};
use domain::plan::Strategy;
use domain::run::Mode;
use domain::window::Window;
use domain::{counted, price};

use super::{Text, or_dash, run};

pub fn list(items: &[Job]) -> Text {
    super::list(items, |job| {
        format!(
            "{}  {:<10} {:>7} of {:>7} hosts  {:>12}  {}  {}",
            job.id,
            describe_state(job),
            job.totals.included,
            or_dash(job.hosts),
            cost(&job.totals, &job.spec),
            job.created_at,
            job.requested_by,
        )
    })
}

/// Its id alone: a script reads it.
pub fn planned(taken: &JobTaken) -> Text {
    Text::of(taken.job_id.to_string())
}

pub fn committed(taken: &JobTaken) -> Text {
    let id = taken.job_id;
    Text::of(format!(
        "commit: job {id} is committed; vigilo job show {id} says how its runs stand"
    ))
}

pub fn asked_for(verb: &str, taken: &JobTaken) -> Text {
    Text::of(format!("{verb}: job {}", taken.job_id))
}

/// The state, and what people call it when something stops it.
pub fn describe_state(job: &Job) -> &'static str {
    match (job.state, job.paused_by.is_some(), job.halts.is_empty()) {
        (JobState::Committing | JobState::Running, true, _) => "paused",
        (JobState::Committing | JobState::Running, false, false) => "halted",
        (state, _, _) => state.as_str(),
    }
}

pub fn detail(detail: &JobDetail) -> Text {
    let job = &detail.job;
    let mut text = Text::of(format!(
        "job {}  {}  asked for by {} at {}",
        job.id,
        describe_state(job),
        job.requested_by,
        job.created_at
    ));
    for (name, value) in [("reason", &job.spec.reason), ("failed", &job.note)] {
        if let Some(value) = value {
            text.line(format!("{name}: {value}"));
        }
    }
    let wishes = wishes(&job.spec);
    if !wishes.is_empty() {
        text.line(format!("wanted: {}", wishes.join(", ")));
    }
    plan(job, &mut text);
    if job.committed_at.is_some() {
        runs(detail, &mut text);
    }
    detail.acts.iter().for_each(|act| text.line(run::act(act)));
    if job.state == JobState::Planned {
        text.line(what_next(job));
    }
    text
}

fn what_next(job: &Job) -> String {
    match (job.hosts, job.totals.included) {
        (Some(0), _) => {
            "no host of this workspace is meant by this filter; vigilo host list --json shows what each host \
                         carries"
                .to_owned()
        }
        (_, 0) => format!("nothing to do; why, host by host: vigilo job lines {}", job.id),
        (_, _) => format!("to do it: vigilo bulk commit {}", job.id),
    }
}

fn plan(job: &Job, text: &mut Text) {
    let totals = &job.totals;
    text.line(format!(
        "plan: {} of {}, {}",
        totals.included,
        counted(job.hosts.unwrap_or(0), "host"),
        cost(totals, &job.spec)
    ));
    if totals.price_unknown > 0 {
        let hosts = totals.price_unknown;
        text.line(format!(
            "  {hosts:>7}  at a price that is not known, and not in the sum"
        ));
    }
    month(totals, text);
    for (directory, share) in &totals.providers {
        let cost = known(share.cost_micro_usd, share.price_unknown);
        text.line(format!("  {:>7}  {directory}  {cost}", share.hosts));
    }
    for (reason, hosts) in &totals.left_out {
        text.line(format!("  {hosts:>7}  left out: {reason}"));
    }
    for (limit, hosts) in &totals.waits_for {
        text.line(format!("  {hosts:>7}  begin later: {limit}"));
    }
    for (passed, hosts) in &totals.despite {
        text.line(format!("  {hosts:>7}  despite {passed}"));
    }
    if let Some(first) = totals.first_start {
        text.line(format!(
            "begins {}, the last at {}, ends about {}",
            first,
            or_dash(totals.last_start),
            or_dash(totals.expected_end)
        ));
    }
    for (index, limit) in totals.binds.iter().enumerate() {
        let name = if index == 0 { "what binds" } else { "          " };
        text.line(format!("{name}: {limit}"));
    }
}

fn month(totals: &Totals, text: &mut Text) {
    let Some(left) = totals.month_left_micro_usd else {
        return;
    };
    let cost = totals.cost_micro_usd;
    let after = match left.checked_sub(cost) {
        Some(rest) => format!("{} after it", price::usd(rest)),
        None => format!("it goes beyond by {}", price::usd(cost - left)),
    };
    text.line(format!(
        "the month's budget has {} left before this plan, {after}",
        price::usd(left)
    ));
}

fn runs(detail: &JobDetail, text: &mut Text) {
    let (job, progress) = (&detail.job, &detail.progress);
    let told: Vec<String> = by_status(progress)
        .into_iter()
        .filter(|(_, runs)| *runs != 0)
        .map(|(status, runs)| format!("{runs} {status}"))
        .collect();
    text.line(format!("runs: {}", told.join(", ")));
    if job.waits_for_cohort {
        text.line("the first cohort is not verified yet; the others wait");
    }
    for halt in &job.halts {
        text.line(format!("{}; more on it: vigilo explain {}", halt.what, halt.halt.code));
    }
    if let Some(by) = &job.paused_by {
        text.line(format!("paused by {by}"));
    }
    let spent = price::shown(Some(detail.cost_so_far_micro_usd));
    text.line(match (detail.eta, job.ended_at) {
        (_, Some(at)) => format!("cost {spent}, ended at {}", at),
        (Some(at), None) => format!("cost so far {spent}, ends about {}", at),
        (None, None) => format!("cost so far {spent}"),
    });
}

/// By name, as the API writes them.
const fn by_status(progress: &Progress) -> [(&'static str, u32); 8] {
    [
        ("queued", progress.queued),
        ("held", progress.held),
        ("running", progress.running),
        ("succeeded", progress.succeeded),
        ("failed", progress.failed),
        ("needs_manual", progress.needs_manual),
        ("cancelled", progress.cancelled),
        ("refused", progress.refused),
    ]
}

/// What was asked for beside the filter, as far as it is not the usual.
fn wishes(spec: &JobSpec) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |wish: Option<String>| said.extend(wish);
    say((spec.mode == Mode::DryRun).then(|| "a rehearsal".to_owned()));
    say((spec.strategy == Strategy::CostAware).then(|| "the cheapest CA that fits".to_owned()));
    say(spec.start_at.map(|at| format!("from {}", at)));
    say(spec.ends_at.map(|at| format!("until {}", at)));
    spec.windows.iter().for_each(|window| say(Some(inside(window))));
    say(spec
        .budget_micro_usd
        .map(|cap| format!("for at most {}", price::usd(cap))));
    say(spec.concurrency.map(|cap| format!("at most {cap} at once")));
    say(match spec.cooldown {
        Cooldown::LeaveOut => None,
        Cooldown::Schedule => Some("after cooldowns".to_owned()),
        Cooldown::Ignore => Some("despite cooldowns".to_owned()),
    });
    say(spec.canary.map(|canary| match canary {
        Canary::Percent(percent) => format!("{percent} % go first"),
        Canary::Count(count) => format!("{count} go first"),
    }));
    said
}

fn inside(window: &Window) -> String {
    format!("inside \"{};{};{}\"", window.cron(), window.minutes(), window.zone())
}

/// What a plan costs, as far as it is known: an unknown price is never free.
fn cost(totals: &Totals, spec: &JobSpec) -> String {
    match spec.mode {
        Mode::DryRun => "nothing is issued".to_owned(),
        Mode::Live => known(totals.cost_micro_usd, totals.price_unknown),
    }
}

fn known(cost: u64, unknown: u32) -> String {
    match (cost, unknown) {
        (0, 1..) => price::shown(None),
        (cost, 1..) => format!("{} and more", price::usd(cost)),
        (cost, 0) => price::shown(Some(cost)),
    }
}

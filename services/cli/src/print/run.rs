//! Runs: a line of a list, or one with its history.

use api::runs::{Act, Run, RunDetail, StepRecord};
use domain::plan::{Candidate, Choice};
use domain::price;
use domain::run::Mode;
use protocol::report::Exchange;

use super::standing::{answers, failing, in_a_list, next_try, parts, reason, said};
use super::{Text, or_dash};

pub fn list(items: &[Run]) -> Text {
    super::list(items, |run| {
        let standing = &run.standing;
        format!(
            "{}  {:<12} {:<12} {:<8} {}  {}",
            standing.id,
            standing.status.as_str(),
            or_dash(standing.step),
            run.mode.as_str(),
            standing.hostname,
            in_a_list(run)
        )
    })
}

/// A run with its steps and checks, and what a rehearsal leaves open.
pub fn detail(detail: &RunDetail) -> Text {
    let mut text = Text::default();
    head(&detail.run, &mut text);
    history(detail, &mut text);
    for (index, open) in detail.cannot_know.iter().enumerate() {
        if index == 0 {
            text.line("what a rehearsal cannot know:");
        }
        text.line(format!("       ? {open}"));
    }
    if detail.run.mode == Mode::DryRun {
        let id = detail.run.standing.id;
        text.line(format!("what was said to the CA: vigilo run {id} --exchange"));
    }
    text
}

fn head(run: &Run, text: &mut Text) {
    let standing = &run.standing;
    let (id, status) = (standing.id, standing.status.as_str());
    text.line(format!(
        "run {id}  {}  {}  {status}",
        standing.hostname,
        run.mode.as_str()
    ));
    let trigger = run.trigger.as_str();
    text.line(format!(
        "asked for by {} ({trigger}) at {}",
        run.operator, run.created_at
    ));
    choice(run, text);
    if let Some(job) = run.job_id {
        text.line(format!("of job {job}: vigilo job show {job}"));
    }
    if let Some(due) = &run.why_now {
        text.line(format!("due: {due}"));
    }
    standing_here(run, text);
    for one in &run.stays {
        text.line(format!("stays: {one}"));
    }
    let next = [failing(run), next_try(run)].into_iter().flatten();
    next.chain(answers(standing, Some(run.mode)))
        .for_each(|line| text.line(line));
}

/// The remedy first, and a line for each part: a reader acts on the first.
fn standing_here(run: &Run, text: &mut Text) {
    let Some(failure) = said(&run.standing) else {
        let why = reason(&run.standing);
        if !why.is_empty() {
            text.line(format!("why it stands here: {why}"));
        }
        return;
    };
    text.line(format!("what to do: {}", failure.hint));
    text.line(format!("why it stands here: {}", failure.code));
    parts(failure, text);
    text.line(format!("more on it: vigilo explain {}", failure.code));
}

/// Who issues and why, and who does not and why not.
fn choice(run: &Run, text: &mut Text) {
    text.line(format!("provider {}: {}", chosen(&run.choice), run.choice.why));
    for lost in &run.choice.lost {
        let price = price::shown(lost.cost_micro_usd);
        text.line(format!("    not {} ({price}): {}", candidate(lost), lost.because));
    }
    for next in &run.fallbacks {
        text.line(format!("    then {}: {}", chosen(next), next.why));
    }
    for failover in &run.failovers {
        text.line(format!(
            "    turned to the next at {}: {} {}",
            failover.at, failover.failure.code, failover.failure.what
        ));
    }
}

/// By its id; without one by its directory.
pub fn chosen(choice: &Choice) -> String {
    let id = choice.id.as_ref().map(ToString::to_string);
    id.unwrap_or_else(|| choice.ca.to_string())
}

/// By its id, its directory or its kind.
pub fn candidate(candidate: &Candidate) -> String {
    let id = candidate.id.as_ref().map(ToString::to_string);
    let name = id.or_else(|| candidate.ca.as_ref().map(ToString::to_string));
    name.unwrap_or_else(|| candidate.provider.as_str().to_owned())
}

/// Who did what, when and why.
pub fn act(act: &Act) -> String {
    let note = act.note.trim();
    let why = if note.is_empty() {
        String::new()
    } else {
        format!(": {note}")
    };
    format!("   • {} {} by {}{why}", act.at, act.verb, act.by)
}

/// Steps and acts, oldest first; a step counts from its end.
fn history(detail: &RunDetail, text: &mut Text) {
    let mut acts = detail.acts.iter().peekable();
    for step in &detail.steps {
        while let Some(before) = acts.next_if(|act| act.at < step.ended_at) {
            text.line(act(before));
        }
        one_step(step, text);
    }
    acts.for_each(|after| text.line(act(after)));
}

fn one_step(step: &StepRecord, text: &mut Text) {
    text.line(format!(
        "{:>3}. {:<12} {:<8} {}",
        step.attempt, step.step, step.outcome, step.summary
    ));
    for check in &step.checks {
        let mark = match (check.passed, check.advisory) {
            (true, _) => "✓",
            (false, false) => "✗",
            (false, true) => "✗ (a hint only)",
        };
        text.line(format!("       {mark} {}: {}", check.name, check.evidence));
    }
    for said in &step.log {
        let fields: Vec<String> = said
            .fields
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        text.line(format!(
            "       {} {} {} {}",
            said.at,
            said.level.as_str(),
            said.message,
            fields.join(" ")
        ));
    }
}

/// What was said to the CA and what it answered; a body keeps its lines.
pub fn exchange(all: &[Exchange]) -> Text {
    let mut text = Text::default();
    for one in all {
        text.line(format!(
            "{} {} {} → {} ({} ms)",
            one.at, one.method, one.url, one.status, one.took_ms
        ));
        for (mark, body) in [(">", &one.request), ("<", &one.response)] {
            text.block(&format!("    {mark} "), if body.is_empty() { " " } else { body });
        }
    }
    text
}

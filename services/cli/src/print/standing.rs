//! Where a run stands: why, what it does next, what a person can do.

use api::runs::{Because, OfferedAnswer, Run, Standing};
use domain::counted;
use domain::disposition::{AnswerKind, Failure, FurtherAnswer};
use domain::run::{Mode, Status};

use super::Text;

/// Code, what happened, what to do.
pub fn saying(failure: &Failure) -> String {
    format!("{} {}. {}", failure.code, failure.what, failure.hint)
}

/// What happened, a line for each part.
pub fn parts(failure: &Failure, text: &mut Text) {
    let parts = failure.what.split("; ").map(str::trim).filter(|part| !part.is_empty());
    parts.for_each(|part| text.line(format!("    {part}")));
}

/// What it asks, or what its last try met.
pub fn said(standing: &Standing) -> Option<&Failure> {
    let question = standing.question.as_ref().map(|question| &question.failure);
    question.or(standing.failure.as_ref().map(|failure| &failure.failure))
}

/// Why a run stands where it stands: its question, its failure, or what it waits for.
pub fn reason(standing: &Standing) -> String {
    match said(standing) {
        Some(failure) => saying(failure),
        None => {
            let waits = standing.held.as_ref().or(standing.waits_for.as_ref());
            waits.cloned().unwrap_or_default()
        }
    }
}

/// The reason with what the run does by itself, and when, unless that is said already.
pub fn in_a_list(run: &Run) -> String {
    let why = reason(&run.standing);
    let said = run.until.is_some_and(|until| {
        let until = until.to_string();
        // Texts have the instant without parts of a second and without its zone.
        why.contains(until.get(..19).unwrap_or(&until))
    });
    match next_try(run).filter(|_| !said) {
        Some(next) if why.is_empty() => next,
        Some(next) => format!("{why}; {next}"),
        None => why,
    }
}

/// How long its present step has been failing.
pub fn failing(run: &Run) -> Option<String> {
    let since = run.failing_since?;
    let waits = matches!(run.standing.status, Status::Running | Status::NeedsManual);
    waits.then(|| format!("this step has failed {} since {since}", counted(run.failures, "time")))
}

/// What it does by itself, and when.
pub fn next_try(run: &Run) -> Option<String> {
    let until = run.until?;
    match (run.standing.status, run.standing.because) {
        (Status::NeedsManual, _) => Some(format!("unless a person answers, it tries again by itself at {until}")),
        (_, Some(Because::Retry)) => Some(format!("it tries again by itself at {until}")),
        (_, Some(Because::Resting)) => Some(format!("it looks again at {until}")),
        (_, Some(Because::Planned)) => Some(format!("it begins at {until}")),
        (_, Some(Because::Turn | Because::Window | Because::Cooldown | Because::Limit | Because::Working) | None) => {
            None
        }
    }
}

/// What a person may say to a run that asks, or do about one of this mode that failed.
pub fn answers(standing: &Standing, mode: Option<Mode>) -> Vec<String> {
    let id = standing.id;
    if standing.status == Status::Failed && mode == Some(Mode::Live) {
        return vec![format!("when it is mended: vigilo retry {id}")];
    }
    let Some(question) = &standing.question else {
        return Vec::new();
    };
    let common = question.answers.iter().filter_map(|answer| match answer {
        OfferedAnswer::Common(answer) => Some(verb(*answer)),
        OfferedAnswer::Further(_) => None,
    });
    let common: Vec<&str> = common.collect();
    let further = question.answers.iter().filter_map(|answer| match answer {
        OfferedAnswer::Common(_) => None,
        OfferedAnswer::Further(answer) => Some(*answer),
    });
    let first = format!("what you can answer: vigilo {} {id}", common.join(" | "));
    let further = further.map(|answer| {
        let (words, flags, meaning) = typed(answer);
        format!("    or: vigilo {words} {id} {flags}  ({meaning})")
    });
    std::iter::once(first).chain(further).collect()
}

const fn verb(answer: AnswerKind) -> &'static str {
    match answer {
        AnswerKind::Resume => "resume",
        AnswerKind::Resolve => "resolve",
        AnswerKind::Cancel => "cancel",
    }
}

/// The verb, its flags, and what it does.
const fn typed(answer: FurtherAnswer) -> (&'static str, &'static str, &'static str) {
    match answer {
        FurtherAnswer::NewAccount => (
            "resume",
            "--new-account",
            "begins a new account at the CA; the old key is kept",
        ),
        FurtherAnswer::AlreadyInstalled => (
            "resolve",
            "--already-installed --chain FILE",
            "a good certificate is in place already",
        ),
        FurtherAnswer::TakeServed => ("resolve", "--served", "goes on with what the host serves"),
    }
}

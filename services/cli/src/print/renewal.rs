//! What became of hosts that were asked to be renewed.

use api::renewals::Answered;
use api::runs::Standing;
use domain::run::Status;
use serde::Serialize;

use super::Text;
use super::standing::{parts, reason, said};

pub fn accepted(answered: &Answered) -> Text {
    super::list(&answered.accepted, |one| format!("{}  {}", one.run_id, one.hostname))
}

/// Who was refused, and what a person should know of the others.
pub fn asides(answered: &Answered) -> Text {
    let mut text = super::list(&answered.refused, |one| {
        format!("refused {}: {}", one.hostname, one.reason)
    });
    if let Some(warning) = &answered.warning {
        text.line(format!("warning: {warning}"));
    }
    text
}

/// A run that did not end well, or needs a person: the remedy first, as `vigilo run` says it.
pub fn trouble(standing: &Standing) -> Text {
    let who = format!("{} {}", standing.status.as_str(), standing.hostname);
    let Some(failure) = said(standing) else {
        return Text::of(format!("{who}: {}", reason(standing)));
    };
    let mut text = Text::of(format!("{who}: {}", failure.hint));
    text.line(format!("    {}", failure.code));
    parts(failure, &mut text);
    text
}

/// How the runs ended that were waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub runs: usize,
    pub succeeded: usize,
    pub failed: usize,
    pub needs_manual: usize,
    pub cancelled: usize,
    /// Hosts that no run was made for.
    pub refused: usize,
}

impl Counts {
    pub fn of(statuses: impl Iterator<Item = Status>, refused: usize) -> Self {
        let mut counts = Self {
            refused,
            ..Self::default()
        };
        for status in statuses {
            counts.runs += 1;
            match status {
                Status::Succeeded => counts.succeeded += 1,
                Status::Failed => counts.failed += 1,
                Status::NeedsManual => counts.needs_manual += 1,
                Status::Cancelled => counts.cancelled += 1,
                Status::Queued | Status::Running => {}
            }
        }
        counts
    }
}

/// `rehearsals`: of so many it is known that they were only rehearsed; of `more` runs that is not known.
pub fn ended(counts: &Counts, rehearsals: usize, more: bool) -> Text {
    let mut text = Text::of(format!(
        "{} succeeded, {} failed, {} need a person, {} cancelled, {} refused",
        counts.succeeded, counts.failed, counts.needs_manual, counts.cancelled, counts.refused
    ));
    if rehearsals > 0 {
        let least = if more { "at least " } else { "" };
        text.line(format!(
            "{least}{rehearsals} of them rehearsed only: nothing was renewed there"
        ));
    }
    text
}

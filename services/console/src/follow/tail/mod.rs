//! Two sources make one log: the record, whole but only from the end of each step on, and what
//! workers tell while a step runs. Pure.
//!
//! A line is known by its execution (attempt and start) and its number in it, so what was told is
//! not shown again when the record has it, and what was lost on the way is shown then.

use std::fmt;

use api::runs::Line;
use protocol::log::LogBatch;
use store::{StepView, StoreError};

use crate::views::log::{Execution, ends, stored_log};

/// A line, and how far who reads it has come.
pub(crate) type Shown = (Line, Tail);

/// How far a client has read. As text it is the id of an event, by which a reader comes back after
/// a broken connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    attempt: u32,
    started_at: i64,
    lines: usize,
    checks: usize,
    /// The record has the end of this attempt, and it was shown.
    closed: bool,
}

impl Tail {
    /// Everything up to this attempt has been shown whole.
    pub(crate) fn shown_whole(&self) -> Option<u32> {
        if self.closed {
            Some(self.attempt)
        } else {
            self.attempt.checked_sub(1)
        }
    }

    /// Steps from the record behind `shown_whole`, oldest first.
    pub(crate) fn recorded(&mut self, steps: &[StepView]) -> Result<Vec<Shown>, StoreError> {
        let mut shown = Vec::new();
        for step in steps {
            let (lines, checks) = stored_log(step)?;
            let execution = Execution::of(step);
            self.begin(&execution, &mut shown);
            let said = execution.lines(behind(&lines, self.lines), behind(&checks, self.checks), step.ended_at);
            self.show(said, &mut shown);
            self.closed = true;
            shown.push((ends(step), *self));
        }
        Ok(shown)
    }

    /// Whether the record must be read first: what happened before this execution may not have been
    /// shown yet.
    pub(crate) fn is_news(&self, batch: &LogBatch) -> bool {
        !self.is_over(batch) && !self.is_at(&execution(batch))
    }

    /// Of a batch that was told: what has not been shown. Nothing when one before it was lost, the
    /// record will have it.
    pub(crate) fn read(&mut self, batch: &LogBatch) -> Vec<Shown> {
        let mut shown = Vec::new();
        if self.is_over(batch) {
            return shown;
        }
        let execution = execution(batch);
        self.begin(&execution, &mut shown);
        let lines = self.lines.checked_sub(batch.lines_before);
        let checks = self.checks.checked_sub(batch.checks_before);
        if let (Some(lines), Some(checks)) = (lines, checks) {
            let (lines, checks) = (behind(&batch.lines, lines), behind(&batch.checks, checks));
            self.show(execution.lines(lines, checks, batch.started_at), &mut shown);
        }
        shown
    }

    fn begin(&mut self, execution: &Execution<'_>, shown: &mut Vec<Shown>) {
        if self.is_at(execution) {
            return;
        }
        *self = Self {
            attempt: execution.attempt,
            started_at: execution.started_at.unix_micros(),
            ..Self::default()
        };
        shown.push((execution.begins(), *self));
    }

    fn show(&mut self, said: Vec<Line>, shown: &mut Vec<Shown>) {
        for line in said {
            let counter = match line.check {
                Some(_) => &mut self.checks,
                None => &mut self.lines,
            };
            *counter += 1;
            shown.push((line, *self));
        }
    }

    fn is_at(&self, execution: &Execution<'_>) -> bool {
        !self.closed && (self.attempt, self.started_at) == (execution.attempt, execution.started_at.unix_micros())
    }

    fn is_over(&self, batch: &LogBatch) -> bool {
        self.shown_whole().is_some_and(|whole| batch.attempt <= whole)
            || (self.attempt == batch.attempt && batch.started_at.unix_micros() < self.started_at)
    }
}

fn execution(batch: &LogBatch) -> Execution<'_> {
    Execution {
        step: batch.step.to_string(),
        attempt: batch.attempt,
        worker: &batch.worker,
        started_at: batch.started_at,
    }
}

fn behind<T>(all: &[T], shown: usize) -> &[T] {
    all.get(shown..).unwrap_or_default()
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = u8::from(self.closed);
        write!(
            f,
            "{}-{}-{}-{}-{closed}",
            self.attempt, self.started_at, self.lines, self.checks
        )
    }
}

impl std::str::FromStr for Tail {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-').map(str::parse::<u64>);
        let mut next = || parts.next().and_then(Result::ok).ok_or(());
        let tail = Self {
            attempt: next()?.try_into().map_err(drop)?,
            started_at: next()?.try_into().map_err(drop)?,
            lines: next()?.try_into().map_err(drop)?,
            checks: next()?.try_into().map_err(drop)?,
            closed: next()? == 1,
        };
        parts.next().is_none().then_some(tail).ok_or(())
    }
}

#[cfg(test)]
mod tests;

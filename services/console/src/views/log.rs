//! The log of a run as people read it: one line for each thing that was said, checked, begun or ended, oldest first.

use std::collections::BTreeMap;

use api::runs::{CheckResult, Line};
use domain::Timestamp;
use domain::run::Check;
use protocol::log::LogBatch;
use protocol::report::{Level, LogLine};
use store::{StepView, StoreError};

use super::{open, open_only};

/// One execution of a step, told or recorded.
pub(crate) struct Execution<'a> {
    pub step: String,
    pub attempt: u32,
    pub worker: &'a str,
    pub started_at: Timestamp,
}

impl<'a> Execution<'a> {
    pub(crate) fn of(step: &'a StepView) -> Self {
        Self {
            step: step.step.clone(),
            attempt: step.attempt,
            worker: &step.worker,
            started_at: step.started_at,
        }
    }

    pub(crate) fn begins(&self) -> Line {
        let fields = [("worker".to_owned(), self.worker.to_owned())];
        self.line(self.started_at, Level::Info, "begins", fields.into())
    }

    /// Lines and checks, each in their own order, merged by time; a check that has none counts from `otherwise`.
    pub(crate) fn lines(&self, lines: &[LogLine], checks: &[Check], otherwise: Timestamp) -> Vec<Line> {
        let mut checked = checks.iter().map(|check| self.checked(check, otherwise)).peekable();
        let mut said = Vec::with_capacity(lines.len() + checks.len());
        for line in lines {
            while let Some(earlier) = checked.next_if(|check| check.at < line.at) {
                said.push(earlier);
            }
            said.push(self.written(line));
        }
        said.extend(checked);
        said
    }

    fn written(&self, line: &LogLine) -> Line {
        self.line(line.at, line.level, &line.message, line.fields.clone())
    }

    fn checked(&self, check: &Check, otherwise: Timestamp) -> Line {
        let (level, word) = match (check.passed, check.advisory) {
            (true, _) => (Level::Info, CheckResult::Passed),
            (false, true) => (Level::Warn, CheckResult::Hint),
            (false, false) => (Level::Error, CheckResult::Failed),
        };
        let fields = [("evidence".to_owned(), check.evidence.clone())];
        let at = check.at.unwrap_or(otherwise);
        Line {
            check: Some(word),
            ..self.line(at, level, &check.name, fields.into())
        }
    }

    fn line(&self, at: Timestamp, level: Level, message: &str, fields: BTreeMap<String, String>) -> Line {
        Line {
            at,
            level,
            step: self.step.clone(),
            attempt: self.attempt,
            message: message.to_owned(),
            check: None,
            fields,
        }
    }
}

pub(crate) fn ends(step: &StepView) -> Line {
    let level = match step.outcome.as_str() {
        "retry" => Level::Warn,
        "failed" | "stuck" => Level::Error,
        _ => Level::Info,
    };
    let fields = [("outcome".to_owned(), step.outcome.clone())];
    Execution::of(step).line(step.ended_at, level, &step.summary, fields.into())
}

/// Lines and checks of a step in the record.
pub(crate) fn stored_log(step: &StepView) -> Result<(Vec<LogLine>, Vec<Check>), StoreError> {
    Ok((
        open(step.log.clone(), "run_steps")?,
        open(step.checks.clone(), "run_steps")?,
    ))
}

/// What is told is shown like what is recorded: nothing sealed gets through.
pub(crate) fn open_batch(batch: &LogBatch) -> Option<LogBatch> {
    let value = serde_json::to_value(batch).ok()?;
    serde_json::from_value(open_only(value)).ok()
}

//! The log of a run, line by line.

use api::runs::{CheckResult, Line, Standing};

use super::Text;
use super::standing::{answers, reason};

/// Time, level, step, message, fields.
pub fn line(line: &Line) -> String {
    let mark = match line.check {
        Some(CheckResult::Passed) => "✓ ",
        Some(CheckResult::Hint) => "✗ (a hint only) ",
        Some(CheckResult::Failed) => "✗ ",
        None => "",
    };
    let fields: String = line
        .fields
        .iter()
        .map(|(name, value)| format!("  {name}={value}"))
        .collect();
    format!(
        "{:<20} {:<5} {:<11} {mark}{}{fields}",
        line.at.to_string(),
        line.level.as_str(),
        line.step,
        line.message,
    )
}

/// How it ended, or what it asks.
pub fn outcome(standing: &Standing) -> Text {
    let mut text = Text::of(format!(
        "{} {}  {}",
        standing.hostname,
        standing.status.as_str(),
        reason(standing)
    ));
    answers(standing, None).iter().for_each(|line| text.line(line));
    text
}

//! What happens to runs.

use protocol::event::RunEvent;

use super::standing::saying;

/// A line of its own.
pub fn event(event: &RunEvent) -> String {
    let question = event.question.as_ref().map(domain::disposition::Question::as_failure);
    let said = question.as_ref().or(event.failure.as_ref());
    format!(
        "{:<20} {:<12} {:<8} {}  {}  {}",
        event.at.to_string(),
        event.status.as_str(),
        event.mode.as_str(),
        event.run_id,
        event.hostname,
        said.map(saying).unwrap_or_default(),
    )
}

//! A policy with the status of its newest run.

use api::policies::{Policy, RenewalInfo};
use store::{PolicyView, RenewalView};

use super::host::status;

fn renewal(view: RenewalView) -> RenewalInfo {
    let window = view.suggestion.as_ref().map(|said| said.window);
    RenewalInfo {
        directory_url: view.ca,
        window_start: window.map(|window| window.start()),
        window_end: window.map(|window| window.end()),
        explanation_url: view.suggestion.and_then(|said| said.explanation_url),
        answered_at: view.answered_at,
        next_ask_at: view.next_ask_at,
        last_error: view.last_error,
    }
}

pub(crate) fn policy(view: PolicyView) -> Policy {
    Policy {
        policy: view.policy,
        status: status(view.run_status),
        due_at: view.due_at,
        due_why: view.due_why,
        renewal_info: view.renewal.map(renewal),
    }
}

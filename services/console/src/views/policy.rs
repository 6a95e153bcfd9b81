//! A policy with the status of its newest run.

use domain::Timestamp;
use domain::policy::Policy;
use serde::Serialize;
use store::{PolicyView, RenewalView};

use super::host::status;

#[derive(Serialize)]
pub(crate) struct ShownPolicy {
    #[serde(flatten)]
    policy: Policy,
    status: String,
    /// When it renews itself, and why then or why not.
    due_at: Option<Timestamp>,
    due_why: Option<String>,
    /// What the CA says about the certificate that is served (ARI); nothing before it was asked.
    renewal_info: Option<ShownRenewal>,
}

#[derive(Serialize)]
struct ShownRenewal {
    directory_url: String,
    window_start: Option<Timestamp>,
    window_end: Option<Timestamp>,
    explanation_url: Option<String>,
    answered_at: Option<Timestamp>,
    next_ask_at: Option<Timestamp>,
    last_error: Option<String>,
}

fn renewal(view: RenewalView) -> ShownRenewal {
    let window = view.suggestion.as_ref().map(|said| said.window);
    ShownRenewal {
        directory_url: view.directory_url,
        window_start: window.map(|window| window.start()),
        window_end: window.map(|window| window.end()),
        explanation_url: view.suggestion.and_then(|said| said.explanation_url),
        answered_at: view.answered_at,
        next_ask_at: view.next_ask_at,
        last_error: view.last_error,
    }
}

pub(crate) fn policy(view: PolicyView) -> ShownPolicy {
    ShownPolicy {
        policy: view.policy,
        status: status(view.run_status),
        due_at: view.due_at,
        due_why: view.due_why,
        renewal_info: view.renewal.map(renewal),
    }
}

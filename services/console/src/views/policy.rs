//! A policy with the status of its newest run.

use domain::Timestamp;
use domain::policy::Policy;
use serde::Serialize;
use store::PolicyView;

use super::host::status;

#[derive(Serialize)]
pub(crate) struct ShownPolicy {
    #[serde(flatten)]
    policy: Policy,
    status: String,
    /// When it renews itself, and why then or why not.
    due_at: Option<Timestamp>,
    due_why: Option<String>,
}

pub(crate) fn policy(view: PolicyView) -> ShownPolicy {
    ShownPolicy {
        policy: view.policy,
        status: status(view.run_status),
        due_at: view.due_at,
        due_why: view.due_why,
    }
}

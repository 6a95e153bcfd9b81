//! A policy with the status of its newest run.

use domain::policy::Policy;
use serde::Serialize;
use store::PolicyView;

use super::host::status;

#[derive(Serialize)]
pub(crate) struct ShownPolicy {
    #[serde(flatten)]
    policy: Policy,
    status: String,
}

pub(crate) fn policy(view: PolicyView) -> ShownPolicy {
    ShownPolicy {
        policy: view.policy,
        status: status(view.run_status),
    }
}

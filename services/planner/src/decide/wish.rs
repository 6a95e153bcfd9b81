//! What a person or system asks for: a run of a policy, and on which terms. Pure.

use domain::backoff::Ladder;
use domain::job::Cooldown;
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use domain::window::Window;

/// A person, another system, the schedule or a bulk renewal asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub mode: Mode,
    pub trigger: Trigger,
    pub by: String,
    /// What made it due, or why it is asked for.
    pub reasons: Vec<String>,
    pub strategy: Strategy,
    /// How failures are tried again.
    pub ladder: Ladder,
    /// It is wanted now, whatever the windows say.
    pub at_once: bool,
    /// What becomes of it inside the cooldown of the policy.
    pub cooldown: Cooldown,
    /// Those of the bulk renewal, beside the windows of the host.
    pub windows_of_job: Vec<Window>,
}

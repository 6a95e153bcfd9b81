//! What a plan says of its run: which steps follow each other, and which CA is asked.
//!
//! In: the plan, how the run fares. Out: the next step, the CA of an order. Never: a change of the
//! plan.

use std::time::Duration;

use super::{Mode, RunProgress, Step};
use crate::plan::{Choice, Plan};
use crate::target::Target;

impl Plan {
    /// The CA that is asked now: the choice, or after it has failed one of its fallbacks.
    pub fn current_ca(&self, progress: &RunProgress) -> &Choice {
        self.nth(progress.failovers.len())
    }

    /// The CA that got the order of this number.
    pub fn ca_of_attempt(&self, progress: &RunProgress, attempt: u32) -> &Choice {
        self.nth(progress.failovers.iter().filter(|one| one.attempt < attempt).count())
    }

    /// Whether another CA could be asked after the present one.
    pub fn has_next_ca(&self, progress: &RunProgress) -> bool {
        progress.failovers.len() < self.fallbacks.len()
    }

    fn nth(&self, turns: usize) -> &Choice {
        let later = turns.checked_sub(1).and_then(|index| self.fallbacks.get(index));
        later.unwrap_or(&self.choice)
    }

    pub fn first_step(&self) -> Step {
        Step::PrepareKey
    }

    /// What follows a finished step when nothing goes wrong; nothing after the last. A rehearsal
    /// leaves nothing to tidy.
    pub fn after(&self, step: Step, mode: Mode) -> Option<Step> {
        match step {
            Step::PrepareKey => Some(Step::Issue),
            Step::Issue => Some(self.target_or_verify(0)),
            Step::Deploy(index) => Some(self.target_or_verify(index.saturating_add(1))),
            Step::Verify => match mode {
                Mode::Live => Some(Step::Tidy),
                // Also where the policy names no receiver: a webhook may be configured.
                Mode::DryRun => Some(Step::Channels),
            },
            Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => None,
        }
    }

    fn target_or_verify(&self, index: u16) -> Step {
        if usize::from(index) < self.targets.len() {
            Step::Deploy(index)
        } else {
            Step::Verify
        }
    }

    pub fn steps(&self, mode: Mode) -> Vec<Step> {
        std::iter::successors(Some(self.first_step()), |step| self.after(*step, mode)).collect()
    }

    /// How long an order of this step may be out before it is ordered again.
    pub fn patience(&self, step: Step) -> Duration {
        let seconds = match step {
            Step::PrepareKey | Step::Channels | Step::Tidy => 60,
            Step::Issue => 180,
            Step::Deploy(index) | Step::Rollback(index) => {
                60 + self.targets.get(usize::from(index)).map_or(0, activation_seconds)
            }
            Step::Verify | Step::Confirm => 120,
        };
        Duration::from_secs(seconds)
    }
}

/// The test before anything is touched, the activation, and after a refusal one more of what was
/// there before.
const ACTIVATIONS: u64 = 3;

fn activation_seconds(target: &Target) -> u64 {
    let seconds = target.body().common().activation_seconds;
    seconds.map_or(0, |seconds| ACTIVATIONS * u64::from(seconds))
}

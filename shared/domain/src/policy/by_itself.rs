//! Whether the clock renews what a policy describes, or people do.

use super::NewPolicy;

impl NewPolicy {
    /// Whether the clock makes live runs of it.
    pub fn renews_itself(&self) -> bool {
        self.only_by_hand().is_none()
    }

    /// Why the clock makes no live runs of it, for people.
    pub fn only_by_hand(&self) -> Option<&'static str> {
        if !self.auto_renew {
            Some("the policy renews only when it is asked to (auto_renew)")
        } else if self.dry_run_default {
            Some("the policy's runs are rehearsals unless a live one is asked for (dry_run_default)")
        } else {
            None
        }
    }
}

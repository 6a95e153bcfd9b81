//! What a person saves is held to more than what is stored: older versions accepted what this one
//! refuses. Pure.

use crate::invalid::Invalid;
use crate::keys::KeyRotation;
use crate::target::Origin;

use super::NewPolicy;

impl NewPolicy {
    /// Beside `check`, for what a person saves: what only older policies may have is refused,
    /// unless it was so before.
    pub fn check_entry(&self, was: Option<&Self>) -> Result<(), Invalid> {
        self.check()?;
        if self.key_rotation == KeyRotation::Keep && was.is_none_or(|was| was.key_rotation != KeyRotation::Keep) {
            let problem = "keep is not served by this version: every renewal makes a new key";
            return Err(Invalid::new("key_rotation", problem, "give always, or leave it out"));
        }
        if was.is_some_and(|was| was.targets == self.targets) {
            return Ok(());
        }
        for (index, target) in self.targets.iter().enumerate() {
            let within = |refused: Invalid| refused.within(&format!("targets[{index}]"));
            target.body().check(Origin::Entered).map_err(within)?;
        }
        Ok(())
    }
}

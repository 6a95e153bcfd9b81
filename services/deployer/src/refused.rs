//! What follows when a server was told of a new pair and did not take it: the pair is put back at once.
//!
//! In: an installation whose activation failed. Out: what is in place now, and who is to blame: the new pair when the server takes
//! what was there before, else what was broken before. Never: a pair that is put back because of a timeout: that is no refusal.

use bus::StepContext;
use domain::run::{Check, Receipt};

use crate::activate::activate;
use crate::targets::activation::Activation;
use crate::targets::{Installation, Job, PutBack, Refused, TargetError, Undone};
use crate::verdict::{DeployError, Stays};

/// One target in the middle of its deployment.
pub struct At<'a> {
    pub target: &'a dyn Installation,
    pub job: &'a Job<'a>,
    pub activation: &'a Activation,
    pub ctx: &'a StepContext,
    /// What it replaces, in words.
    pub files: String,
}

impl At<'_> {
    /// Tells the server of what is in place.
    pub async fn activated(&self, receipt: Receipt) -> Result<Receipt, DeployError> {
        match activate(self.activation, self.ctx).await {
            Ok(output) => Ok(Receipt {
                reload_output: Some(output),
                ..receipt
            }),
            Err(hook @ (TargetError::HookFailed { .. } | TargetError::Misconfigured { .. })) => {
                Err(self.taken_back(receipt, hook).await)
            }
            Err(hook) => {
                let stays = self.stays(receipt);
                Err(DeployError::Unproven { hook, stays })
            }
        }
    }

    async fn taken_back(&self, receipt: Receipt, hook: TargetError) -> DeployError {
        let refused = Refused {
            installed: receipt.installed.clone(),
            just_written: !receipt.already_there,
        };
        match self.target.put_back(self.job, &Undone::Refused(refused.clone())).await {
            Ok(PutBack::Done) => {}
            Ok(PutBack::WasThereBefore) => return DeployError::WasThereBefore { hook },
            Err(why) => {
                self.ctx.check(Check::cross("put back", why.to_string()));
                let stays = self.stays(receipt);
                return DeployError::Stays { hook, why, stays };
            }
        }
        let former = receipt.replaced.map(|former| former.leaf.to_string());
        let what = former.unwrap_or_else(|| "what was there before the run".to_owned());
        self.ctx.check(Check::tick(
            "put back",
            format!("{what} in place of {}", refused.installed),
        ));
        match hook {
            // It was never told of anything.
            TargetError::Misconfigured { .. } => DeployError::NotStarted { hook },
            hook => self.with_former(hook).await,
        }
    }

    fn stays(&self, receipt: Receipt) -> Stays {
        Stays {
            receipt,
            files: self.files.clone(),
        }
    }

    /// Tells the server of what is there again: what it refuses now as before is not the new pair's fault.
    async fn with_former(&self, hook: TargetError) -> DeployError {
        match activate(self.activation, self.ctx).await {
            Ok(_) => DeployError::Refused { hook },
            Err(former @ TargetError::HookFailed { .. }) => DeployError::BrokenBefore { hook, former },
            Err(former) => DeployError::Unclear { hook, former },
        }
    }
}

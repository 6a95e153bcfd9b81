//! Carries out Rollback orders: puts back what a deployment of the same run replaced, and makes the
//! server read it.
//!
//! In: a target and the receipt of its deployment. Out: which certificate is in place again. Never:
//! a backup of another run, a certificate that another process has put there since.

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, RolledBack, StepKind};
use protocol::order::{Order, RollbackSpec};

use crate::activate::activate;
use crate::certificate::NotInstallable;
use crate::targets::activation::{Activation, ActivationLock};
use crate::targets::{Installation, Job, Replaced, TargetError, Targets, Undone};
use crate::verdict::{DeployError, judge};

pub struct Rollback {
    targets: Arc<Targets>,
}

impl Rollback {
    pub fn new(targets: Arc<Targets>) -> Self {
        Self { targets }
    }
}

impl StepHandler for Rollback {
    type Spec = RollbackSpec;
    const KIND: StepKind = StepKind::Rollback;

    async fn carry_out(&self, order: &Order<RollbackSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let target = self.targets.at(&order.spec.target);
        let back = put_back(&*target, order, ctx).await;
        let back = back.map_err(|error| judge(error, order.next_try(ctx.now(), rand::random())))?;
        Ok(Progress::Done(Product::RolledBack(back)))
    }

    async fn rehearse(&self, order: &Order<RollbackSpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let error = malformed("a rehearsal installs nothing, so there is nothing to put back");
        Err(judge(error, order.next_try(ctx.now(), rand::random())))
    }
}

async fn put_back(
    target: &dyn Installation,
    order: &Order<RollbackSpec>,
    ctx: &StepContext,
) -> Result<RolledBack, DeployError> {
    let job = Job {
        workspace: &order.workspace,
        run: order.run_id,
        hostname: &order.hostname,
        sans: &[],
        now: ctx.now(),
    };
    let receipt = &order.spec.receipt;
    let former = receipt.replaced.as_ref();
    let former = former.ok_or_else(|| malformed("the receipt names nothing that could be put back"))?;
    let replaced = Replaced {
        former: former.leaf.clone(),
        installed: receipt.installed.clone(),
    };
    let activation = target.activation(&job)?;
    let lock = match &activation {
        Some(activation) => Some(activation.together().await),
        None => None,
    };
    target.put_back(&job, &Undone::Replaced(replaced)).await?;
    let evidence = format!("{} in place of {}", former.leaf, receipt.installed);
    ctx.check(Check::tick("put back", evidence));
    let reload_output = match (&activation, lock) {
        (Some(activation), Some(lock)) => Some(activated(activation, lock, ctx).await?),
        (_, _) => None,
    };
    Ok(RolledBack {
        leaf: former.leaf.clone(),
        reload_output,
    })
}

/// What the server refuses now is what it had before the run: something else is broken.
async fn activated(
    activation: &Activation,
    lock: ActivationLock<'_>,
    ctx: &StepContext,
) -> Result<String, DeployError> {
    match activate(activation, ctx).await {
        Err(TargetError::HookFailed { .. }) if lock.was_crowded() => {
            drop(lock);
            let _alone = activation.alone().await;
            activate(activation, ctx).await.map_err(of_the_former)
        }
        done => done.map_err(of_the_former),
    }
}

fn of_the_former(hook: TargetError) -> DeployError {
    match hook {
        failed @ TargetError::HookFailed { .. } => DeployError::FormerRefused { hook: failed },
        other => other.into(),
    }
}

fn malformed(what: &str) -> DeployError {
    NotInstallable::Malformed(what.to_owned()).into()
}

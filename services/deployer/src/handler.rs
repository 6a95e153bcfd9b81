//! Carries out Deploy orders: looks, installs what is missing, makes it active.
//!
//! In: one order for one target. Out: a receipt. Never: knows what a target is made of (see
//! `targets`).

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::certificate::Fingerprint;
use domain::run::{Check, Product, Receipt, Rehearsal, StepKind};
use protocol::order::{DeploySpec, DeployedCertificate, Order};

use crate::activate;
use crate::certificate::{Bundle, Chain, NotInstallable};
use crate::keys::{LeafKeys, SealedKey};
use crate::refused::At;
use crate::targets::activation::Activation;
use crate::targets::{Backup, Found, Installation, Job, Targets};
use crate::verdict::{DeployError, Stays, judge};

pub struct Deploy<K> {
    keys: K,
    targets: Arc<Targets>,
}

impl<K: LeafKeys> Deploy<K> {
    pub fn new(keys: K, targets: Arc<Targets>) -> Self {
        Self { keys, targets }
    }
}

impl<K: LeafKeys> StepHandler for Deploy<K> {
    type Spec = DeploySpec;
    const KIND: StepKind = StepKind::Deploy;

    async fn carry_out(&self, order: &Order<DeploySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let target = self.targets.at(&order.spec.target);
        let receipt = self.bring(&*target, order, ctx).await;
        let receipt = receipt.map_err(|error| judge(error, order.next_try(ctx.now(), rand::random())))?;
        Ok(Progress::Done(Product::Deployed(receipt)))
    }

    async fn rehearse(&self, order: &Order<DeploySpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let (target, job) = (self.targets.at(&order.spec.target), job(order, ctx));
        let mut checks = target.rehearse(&job).await;
        checks.extend(activate::rehearse(target.activation(&job)).await);
        Ok(Rehearsal::of(checks))
    }
}

fn job<'a>(order: &'a Order<DeploySpec>, ctx: &StepContext) -> Job<'a> {
    Job {
        workspace: &order.workspace,
        run: order.run_id,
        hostname: &order.hostname,
        sans: &order.spec.sans,
        now: ctx.now(),
    }
}

/// A pair on its way to its place, and what will make the server use it.
struct Placement<'a> {
    target: &'a dyn Installation,
    job: &'a Job<'a>,
    activation: Option<&'a Activation>,
    ctx: &'a StepContext,
}

impl<K: LeafKeys> Deploy<K> {
    async fn bring(
        &self,
        target: &dyn Installation,
        order: &Order<DeploySpec>,
        ctx: &StepContext,
    ) -> Result<Receipt, DeployError> {
        let job = &job(order, ctx);
        // What is not allowed, and a program that is not there, are found before anything is
        // touched.
        let Some(activation) = target.activation(job)? else {
            let placement = Placement {
                target,
                job,
                activation: None,
                ctx,
            };
            return self.installed(&placement, order).await;
        };
        activation.check()?;
        let at = At {
            target,
            job,
            activation: &activation,
            ctx,
            files: order.spec.target.body().common().in_words,
        };
        let lock = activation.together().await;
        let tried = self.attempt(&at, order).await;
        match tried {
            Err(error) if error.blames_the_server() && lock.was_crowded() => {
                drop(lock);
                ctx.info("others were activated at the same time: once more, alone", &[]);
                let _alone = activation.alone().await;
                self.attempt(&at, order).await
            }
            tried => tried,
        }
    }

    async fn attempt(&self, at: &At<'_>, order: &Order<DeploySpec>) -> Result<Receipt, DeployError> {
        let placement = Placement {
            target: at.target,
            job: at.job,
            activation: Some(at.activation),
            ctx: at.ctx,
        };
        at.activated(self.installed(&placement, order).await?).await
    }

    /// The new pair in its place, of which the server knows nothing yet.
    #[expect(
        clippy::too_many_lines,
        reason = "look, test, install, and what is said of each, in this order"
    )]
    async fn installed(&self, placement: &Placement<'_>, order: &Order<DeploySpec>) -> Result<Receipt, DeployError> {
        let Placement { target, job, ctx, .. } = *placement;
        let wanted = order.spec.certificate.as_ref();
        let wanted = wanted.ok_or_else(|| malformed("the order carries no certificate"))?;
        let chain = Chain::of(wanted)?;
        let good = chain.still_good(ctx.now());
        let installed = chain.leaf().clone();
        let found = match target.look(job, Some(&chain)).await {
            Ok(found) => found,
            // What cannot be looked at is not what has to be said first.
            Err(error) => return Err(good.map_or_else(Into::into, |()| error.into())),
        };
        let (already_there, backup) = match found {
            Found::Wanted { backup } if let Err(expired) = &good => {
                return Err(DeployError::ExpiredInPlace {
                    expired: expired.clone(),
                    stays: Stays {
                        receipt: receipt(installed, backup, true),
                        files: order.spec.target.body().common().in_words,
                    },
                });
            }
            Found::Wanted { backup } => {
                let evidence = format!("{installed} was there already: an earlier attempt wrote it");
                ctx.check(Check::tick("installed", evidence));
                (true, backup)
            }
            Found::Other { what } => {
                good?;
                let bundle = self.bundle(chain, wanted, order, ctx).await?;
                tested(placement.activation, ctx).await?;
                let backup = target.install(job, Arc::new(bundle)).await?;
                ctx.check(Check::tick("installed", format!("{installed} in place of {what}")));
                if !backup.changes.is_empty() {
                    ctx.check(Check::tick("owner, group and mode", backup.changes.join("; ")));
                }
                ctx.check(Check::tick("what was there before is kept", in_words(&backup)));
                (false, backup)
            }
        };
        Ok(receipt(installed, backup, already_there))
    }

    /// The chain with its key, before anything is touched.
    async fn bundle(
        &self,
        chain: Chain,
        wanted: &DeployedCertificate,
        order: &Order<DeploySpec>,
        ctx: &StepContext,
    ) -> Result<Bundle, DeployError> {
        let no_key = || malformed("the order carries no private key, and this target needs one");
        let envelope = wanted.sealed_key.as_ref().ok_or_else(no_key)?;
        let sealed = SealedKey {
            workspace: &order.workspace,
            run: order.run_id,
            order: ctx.order(),
            envelope,
        };
        let key = self.keys.open(&sealed).await?;
        let bundle = Bundle::pair(chain, &key);
        ctx.check(match &bundle {
            Ok(pair) => Check::tick("key and chain match", pair.chain().leaf().to_string()),
            Err(error) => Check::cross("key and chain match", error.to_string()),
        });
        Ok(bundle?)
    }
}

/// What is broken already is found before anything is touched.
async fn tested(activation: Option<&Activation>, ctx: &StepContext) -> Result<(), DeployError> {
    let Some(activation) = activation else {
        return Ok(());
    };
    let Some((check, tested)) = activate::test(activation).await else {
        return Ok(());
    };
    ctx.check(check);
    tested.map_err(|hook| DeployError::Before { hook })
}

fn receipt(installed: Fingerprint, backup: Backup, already_there: bool) -> Receipt {
    Receipt {
        installed,
        already_there,
        backups: backup.backups,
        replaced: backup.former,
        reload_output: None,
    }
}

fn in_words(backup: &Backup) -> String {
    match (&backup.former, backup.backups.is_empty()) {
        (_, true) => "there was nothing before".to_owned(),
        (Some(former), false) => format!("{} can be put back from {}", former.leaf, backup.backups.join(", ")),
        (None, false) => format!(
            "no certificate with its key, so it is never put back: {}",
            backup.backups.join(", ")
        ),
    }
}

fn malformed(what: &str) -> DeployError {
    NotInstallable::Malformed(what.to_owned()).into()
}

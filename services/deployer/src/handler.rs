//! Carries out Deploy orders: looks, installs what is missing, makes it active.
//!
//! In: one order for one target. Out: a receipt. Never: knows what a target is made of (see `targets`).

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Receipt, Rehearsal, StepKind};
use domain::target::Target;
use protocol::order::{DeploySpec, DeployedCertificate, Order};

use crate::activate::activate;
use crate::certificate::{Bundle, Chain, NotInstallable};
use crate::keys::{LeafKeys, SealedKey};
use crate::targets::file::FileInstaller;
use crate::targets::{Found, Installer, Job, Kept};
use crate::verdict::{DeployError, judge};

pub struct Deploy<K> {
    keys: K,
    file: Arc<FileInstaller>,
}

impl<K: LeafKeys> Deploy<K> {
    pub fn new(keys: K, file: Arc<FileInstaller>) -> Self {
        Self { keys, file }
    }
}

impl<K: LeafKeys> StepHandler for Deploy<K> {
    type Spec = DeploySpec;
    const KIND: StepKind = StepKind::Deploy;

    async fn carry_out(&self, order: &Order<DeploySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let receipt = match &order.spec.target {
            Target::File(target) => self.bring(&*self.file, &job(order, target, ctx), (order, ctx)).await,
        };
        let receipt = receipt.map_err(|error| judge(error, order.next_try(ctx.now(), rand::random())))?;
        Ok(Progress::Done(Product::Deployed(receipt)))
    }

    async fn rehearse(&self, order: &Order<DeploySpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let checks = match &order.spec.target {
            Target::File(target) => self.file.rehearse(&job(order, target, ctx)).await,
        };
        Ok(Rehearsal::of(checks))
    }
}

fn job<'a, T>(order: &Order<DeploySpec>, target: &'a T, ctx: &StepContext) -> Job<'a, T> {
    Job {
        run: order.run_id,
        target,
        now: ctx.now(),
    }
}

impl<K: LeafKeys> Deploy<K> {
    async fn bring<I: Installer>(
        &self,
        installer: &I,
        job: &Job<'_, I::Target>,
        (order, ctx): (&Order<DeploySpec>, &StepContext),
    ) -> Result<Receipt, DeployError> {
        let wanted = order
            .spec
            .certificate
            .as_ref()
            .ok_or_else(|| malformed("the order carries no certificate"))?;
        let chain = Chain::of(wanted)?;
        chain.still_good(ctx.now())?;
        let installed = chain.leaf().clone();
        let (already_there, kept) = match installer.look(job, &chain).await? {
            Found::Wanted { kept } => {
                let evidence = format!("{installed} was there already: an earlier attempt wrote it");
                ctx.check(Check::tick("installed", evidence));
                (true, kept)
            }
            Found::Other { what } => {
                let bundle = self.bundle(chain, wanted, (order, ctx)).await?;
                let kept = installer.ensure_installed(job, Arc::new(bundle)).await?;
                ctx.check(Check::tick("installed", format!("{installed} in place of {what}")));
                ctx.check(Check::tick("what was there before is kept", in_words(&kept)));
                (false, kept)
            }
        };
        let reload_output = activate(installer, job, ctx).await?;
        Ok(Receipt {
            installed,
            already_there,
            backups: kept.backups,
            replaced: kept.former,
            reload_output,
        })
    }

    /// The chain with its key, before anything is touched.
    async fn bundle(
        &self,
        chain: Chain,
        wanted: &DeployedCertificate,
        (order, ctx): (&Order<DeploySpec>, &StepContext),
    ) -> Result<Bundle, DeployError> {
        let no_key = || malformed("the order carries no private key, and this target needs one");
        let envelope = wanted.sealed_key.as_ref().ok_or_else(no_key)?;
        let sealed = SealedKey {
            workspace: &order.workspace,
            run: order.run_id,
            envelope,
        };
        let key = self.keys.open(&sealed).await?;
        let bundle = Bundle::pair(chain, key);
        ctx.check(match &bundle {
            Ok(pair) => Check::tick("key and chain match", pair.chain().leaf().to_string()),
            Err(error) => Check::cross("key and chain match", error.to_string()),
        });
        Ok(bundle?)
    }
}

fn in_words(kept: &Kept) -> String {
    match (&kept.former, kept.backups.is_empty()) {
        (_, true) => "there was nothing before".to_owned(),
        (Some(former), false) => format!("{} can be put back from {}", former.leaf, kept.backups.join(", ")),
        (None, false) => format!(
            "no certificate with its key, so it is never put back: {}",
            kept.backups.join(", ")
        ),
    }
}

fn malformed(what: &str) -> DeployError {
    NotInstallable::Malformed(what.to_owned()).into()
}

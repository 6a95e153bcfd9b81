//! What the handlers rely on, whatever the kind of the CA. A new body adds its `At` and a test that calls each function.

use anyhow::{Context, Result, ensure};
use bus::StepContext;
use domain::run::Checkpoint;
use issuer::ca::{Advanced, Application, Authority, Withdrawal};
use protocol::order::{IssueSpec, Order};

use crate::world::{World, ctx};

/// One application at a CA, and what the ledger keeps of it.
struct At {
    order: Order<IssueSpec>,
    csr_der: Vec<u8>,
}

impl At {
    fn new(order: Order<IssueSpec>) -> Result<Self> {
        let csr_der = issuer::certificate::csr_der(order.spec.csr_pem.as_deref())?;
        Ok(Self { order, csr_der })
    }

    fn application<'a>(&'a self, ctx: &'a StepContext) -> Application<'a> {
        let spec = &self.order.spec;
        Application {
            workspace: &self.order.workspace,
            run: self.order.run_id,
            ca: &spec.ca,
            account: spec.account_key.as_ref(),
            names: &spec.names,
            csr_der: Some(&self.csr_der),
            profile: None,
            replaces: None,
            may_be_left: false,
            solver: &spec.solver,
            ctx,
        }
    }

    async fn advance(&self, ca: &dyn Authority) -> Result<Advanced> {
        let ctx = ctx();
        Ok(ca
            .advance(&self.application(&ctx), self.order.checkpoint.as_ref())
            .await?)
    }

    /// What the ledger does.
    fn save(&mut self, checkpoint: Checkpoint) {
        if let Some(account) = checkpoint.new_account() {
            self.order.spec.account_key.get_or_insert_with(|| account.clone());
        }
        self.order.checkpoint = Some(checkpoint);
    }

    /// Until something is open at the CA.
    async fn open(&mut self, ca: &dyn Authority) -> Result<()> {
        while !self.order.checkpoint.as_ref().is_some_and(Checkpoint::is_open) {
            match self.advance(ca).await? {
                Advanced::Next(checkpoint) | Advanced::Later { checkpoint, .. } => self.save(checkpoint),
                Advanced::Issued(issued) => anyhow::bail!("nothing was saved before it: {issued:?}"),
            }
        }
        Ok(())
    }

    /// Until the certificate is there.
    async fn issue(&mut self, ca: &dyn Authority) -> Result<String> {
        loop {
            match self.advance(ca).await? {
                Advanced::Next(checkpoint) | Advanced::Later { checkpoint, .. } => self.save(checkpoint),
                Advanced::Issued(issued) => return Ok(issued.chain_pem),
            }
        }
    }
}

/// Every checkpoint is gone on with twice, as after a crash: both times it is the same certificate.
async fn advancing_twice_from_one_checkpoint_is_one_certificate(ca: &dyn Authority, mut at: At) -> Result<()> {
    at.open(ca).await?;
    let mut again = At::new(at.order.clone())?;
    let (first, second) = (at.issue(ca).await?, again.issue(ca).await?);
    ensure!(first == second, "one checkpoint is one certificate");
    Ok(())
}

/// Nothing of what is to be placed is there before the checkpoint that lists it is saved.
async fn what_it_leaves_is_in_the_checkpoint_and_is_withdrawn_twice(ca: &dyn Authority, mut at: At) -> Result<()> {
    at.open(ca).await?;
    let left = at.order.checkpoint.as_ref().context("it is open")?.leftovers();
    ensure!(!left.is_empty(), "the names are proven with something");
    at.issue(ca).await?;
    let ctx = ctx();
    for _ in 0..2 {
        let what = Withdrawal {
            left: &left,
            solver: &at.order.spec.solver,
            ctx: &ctx,
        };
        let withdrawn = ca.withdraw(&what).await;
        withdrawn.map_err(|remaining| anyhow::anyhow!("{remaining:?}"))?;
    }
    Ok(())
}

/// A look begins nothing, and says where the CA looks.
async fn looking_needs_no_account(ca: &dyn Authority, at: At) -> Result<()> {
    let ctx = ctx();
    let for_ = Application {
        account: None,
        csr_der: None,
        ..at.application(&ctx)
    };
    ca.look(&for_).await?;
    Ok(())
}

/// Twice, and no certificate: what has to be saved first is asked for, then every check is a tick.
async fn a_rehearsal_ends_with_ticks_and_can_be_repeated(ca: &dyn Authority, mut at: At) -> Result<()> {
    for _ in 0..2 {
        loop {
            let ctx = ctx();
            let for_ = Application {
                csr_der: None,
                ..at.application(&ctx)
            };
            let rehearsed = ca.rehearse(&for_).await;
            let Some(needs) = rehearsed.needs else {
                ensure!(rehearsed.ended_by.is_none(), "{:?}", rehearsed.ended_by);
                ensure!(
                    rehearsed.checks.iter().all(|check| check.passed),
                    "{:#?}",
                    rehearsed.checks
                );
                break;
            };
            ensure!(!needs.is_open(), "nothing is begun before it is saved");
            at.save(needs);
        }
    }
    Ok(())
}

#[tokio::test]
async fn acme_keeps_the_contract_of_authorities() -> Result<()> {
    let world = World::start().await?;
    let authorities = world.authorities()?;
    let at = |name: &str| At::new(world.order(&[name])?);
    let ca = authorities.of(&world.order(&["www.example.org"])?.spec.ca)?;

    advancing_twice_from_one_checkpoint_is_one_certificate(ca, at("twice.example.org")?).await?;
    ensure!(world.pebble.issued_for("twice.example.org").await? == 1);
    what_it_leaves_is_in_the_checkpoint_and_is_withdrawn_twice(ca, at("left.example.org")?).await?;
    let issued = world.pebble.issued();
    looking_needs_no_account(ca, at("www.example.org")?).await?;
    a_rehearsal_ends_with_ticks_and_can_be_repeated(ca, at("dry.example.org")?).await?;
    ensure!(world.pebble.issued() == issued, "neither a look nor a rehearsal issues");
    Ok(())
}

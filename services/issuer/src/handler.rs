//! Carries out Issue orders: each brings the issuance on by one irreversible effect, after the one
//! before was saved.
//!
//! | what the CA's body says | what is done |
//! |---|---|
//! | the next checkpoint | it is saved, and the step goes on at once |
//! | later | what is reached is saved, and the step rests |
//! | the chain | it is checked, and what was placed for it is removed |
//!
//! In: one order. Out: its checkpoint or the chain. Never: a second certificate for a step.

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Checkpoint, IssuedCertificate, Product, Rehearsal, StepKind};
use domain::solver::Receipt;
use protocol::order::{IssueSpec, Order};

use crate::ca::{Advanced, Application, Authorities, Authority, Issued, Withdrawal};
use crate::certificate::{check_chain, csr_der, early_end};
use crate::challenge::solvers::Solvers;
use crate::eyes::Eyes;
use crate::order::{application, check_challenge, circumstances};
use crate::rehearsal::Dry;
use crate::verdict::{IssueError, judge};

pub struct Issue {
    authorities: Arc<Authorities>,
    solvers: Arc<Solvers>,
    eyes: Eyes,
}

impl Issue {
    pub fn new(authorities: Arc<Authorities>, solvers: Arc<Solvers>, eyes: Eyes) -> Self {
        Self {
            authorities,
            solvers,
            eyes,
        }
    }

    async fn advance(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Progress, IssueError> {
        check_challenge(&order.spec)?;
        let csr = csr_der(order.spec.csr_pem.as_deref())?;
        let for_ = Application {
            csr_der: Some(&csr),
            ..application(order, ctx)
        };
        let (ca, from) = (self.authorities.of(for_.ca)?, order.checkpoint.as_ref());
        match ca.advance(&for_, from).await? {
            Advanced::Issued(issued) => {
                let placed = from.map(Checkpoint::leftovers).unwrap_or_default();
                accept_certificate(ca, &for_, issued, placed).await
            }
            Advanced::Next(checkpoint) => Ok(Progress::Resting {
                until: ctx.now(),
                checkpoint,
            }),
            Advanced::Later { until, checkpoint } => Ok(Progress::Resting { until, checkpoint }),
        }
    }
}

/// The certificate, once it is the one that was asked for; what was placed for it is removed.
async fn accept_certificate(
    ca: &dyn Authority,
    for_: &Application<'_>,
    issued: Issued,
    placed: Receipt,
) -> Result<Progress, IssueError> {
    let (Issued { chain_pem, order_url }, now) = (issued, for_.ctx.now());
    let leaf = check_chain(&chain_pem, for_.csr_der.unwrap_or_default(), for_.names, now)?;
    for_.ctx.check(Check::tick(
        "certificate issued",
        format!("serial {} until {}", leaf.serial, leaf.not_after),
    ));
    if let Some(hint) = early_end(&chain_pem, now) {
        for_.ctx.check(hint);
    }
    let left = withdraw_responses(ca, for_, &placed).await;
    let removed = placed.len() - left.len();
    for_.ctx
        .check(Check::tick("challenge responses removed", removed.to_string()));
    Ok(Progress::Done(Product::Issued(Box::new(IssuedCertificate {
        order_url,
        chain_pem,
        leaf,
        left,
        sealed_key: None,
    }))))
}

/// What cannot be removed now is left to Tidy, which is spared otherwise.
async fn withdraw_responses(ca: &dyn Authority, for_: &Application<'_>, placed: &Receipt) -> Receipt {
    let what = Withdrawal {
        left: placed,
        solver: for_.solver,
        ctx: for_.ctx,
    };
    match ca.withdraw(&what).await {
        Ok(()) => Receipt::default(),
        Err(remaining) => {
            let why = format!("a challenge response was not removed: {}", remaining.why);
            for_.ctx.warn(why, &[]);
            remaining.left
        }
    }
}

impl StepHandler for Issue {
    type Spec = IssueSpec;
    const KIND: StepKind = StepKind::Issue;

    async fn carry_out(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        self.advance(order, ctx)
            .await
            .map_err(|error| judge(error, circumstances(order, ctx).with_csr(order.spec.csr_pem.as_deref())))
    }

    async fn rehearse(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let ca = self.authorities.of(&order.spec.ca);
        let ca = ca.map_err(|error| judge(error.into(), circumstances(order, ctx)))?;
        let solver = self.solvers.of(&order.spec.solver);
        let dry = Dry {
            ca,
            solver: &*solver,
            eyes: &self.eyes,
            order,
            ctx,
        };
        Ok(dry.rehearse().await)
    }
}

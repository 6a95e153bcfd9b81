//! Carries out Tidy orders: what a finished run has left at its CA, or for it, is removed.

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{Order, TidySpec};

use crate::ca::{Authorities, Withdrawal};
use crate::order::circumstances;
use crate::verdict::{IssueError, judge};

pub struct Tidy {
    authorities: Arc<Authorities>,
}

impl Tidy {
    pub fn new(authorities: Arc<Authorities>) -> Self {
        Self { authorities }
    }

    async fn remove(&self, spec: &TidySpec, ctx: &StepContext) -> Result<(), IssueError> {
        let ca = self.authorities.of_any(spec.ca.as_ref())?;
        let what = Withdrawal {
            left: &spec.left,
            solver: &spec.solver,
            ctx,
        };
        let removed = ca.withdraw(&what).await;
        removed.map_err(|remaining| IssueError::NotRemoved(remaining.why))
    }
}

impl StepHandler for Tidy {
    type Spec = TidySpec;
    const KIND: StepKind = StepKind::Tidy;

    async fn carry_out(&self, order: &Order<TidySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let removed = self.remove(&order.spec, ctx).await;
        removed.map_err(|error| judge(error, circumstances(order, ctx)))?;
        ctx.check(Check::tick(
            "challenge responses removed",
            order.spec.left.len().to_string(),
        ));
        Ok(Progress::Done(Product::Tidied))
    }

    /// A dry run leaves nothing behind: there is no such step in it.
    async fn rehearse(&self, _: &Order<TidySpec>, _: &StepContext) -> Result<Rehearsal, StepError> {
        Ok(Rehearsal::of(Vec::new()))
    }
}

//! Carries out Tidy orders: the http-01 responses of a finished run are removed.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{Order, TidySpec};

use crate::challenge::Http01;
use crate::order::circumstances;
use crate::verdict::{IssueError, judge};

pub struct Tidy {
    http01: Http01,
}

impl Tidy {
    pub fn new(http01: Http01) -> Self {
        Self { http01 }
    }
}

impl StepHandler for Tidy {
    type Spec = TidySpec;
    const KIND: StepKind = StepKind::Tidy;

    async fn carry_out(&self, order: &Order<TidySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        for token in &order.spec.tokens {
            let removed = self.http01.withdraw(token).await;
            removed.map_err(|e| judge(IssueError::NotRemoved(e.to_string()), circumstances(order, ctx)))?;
        }
        ctx.check(Check::tick(
            "challenge responses removed",
            order.spec.tokens.len().to_string(),
        ));
        Ok(Progress::Done(Product::Tidied))
    }

    /// A dry run leaves nothing behind: there is no such step in it.
    async fn rehearse(&self, _: &Order<TidySpec>, _: &StepContext) -> Result<Rehearsal, StepError> {
        Ok(Rehearsal::of(Vec::new()))
    }
}

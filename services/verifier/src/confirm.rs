//! Carries out Confirm orders: looks whether what was put back is served again.
//!
//! In: places, and the leaves of which each shall serve one. Out: a snapshot per address. Never: judges the chain: it is
//! what was there before, good or not.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::certificate::Snapshot;
use domain::run::{Check, Product, Rehearsal, StepKind, Verified};
use protocol::order::{ConfirmSpec, Order};

use crate::findings::{Finding, conclude, mixed};
use crate::handler::failed;
use crate::lookout::{Lookout, Own, Viewpoint, endpoint_places, for_a_run};
use crate::presented::{Presented, ProbeError};
use crate::tally::Tally;
use crate::verdict::{VerifyError, judge};

pub struct Confirm {
    lookout: Lookout,
}

impl Confirm {
    pub fn new(lookout: Lookout) -> Self {
        Self { lookout }
    }
}

impl StepHandler for Confirm {
    type Spec = ConfirmSpec;
    const KIND: StepKind = StepKind::Confirm;

    async fn carry_out(&self, order: &Order<ConfirmSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        match self.confirm(order, ctx).await {
            Ok(snapshots) => Ok(Progress::Done(Product::Confirmed(Verified { snapshots }))),
            Err(error) => Err(judge(error, order.next_try(ctx.now(), rand::random()))),
        }
    }

    async fn rehearse(&self, order: &Order<ConfirmSpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let error = VerifyError::Malformed("a rehearsal puts nothing back, so there is nothing to confirm".to_owned());
        Err(judge(error, order.next_try(ctx.now(), rand::random())))
    }
}

impl Confirm {
    async fn confirm(&self, order: &Order<ConfirmSpec>, ctx: &StepContext) -> Result<Vec<Snapshot>, VerifyError> {
        let host = &order.hostname;
        let leaves = &order.spec.leaves;
        let places = self.places(order).await.map_err(|e| failed(host.as_str(), e))?;
        if leaves.is_empty() || places.is_empty() {
            let what = "the order does not say what shall be served again, and where";
            return Err(VerifyError::Malformed(what.to_owned()));
        }
        let awaited = |presented: &Presented| leaves.contains(&presented.leaf);
        let left = order.deadline.since(ctx.now());
        let looks = for_a_run(&places, false);
        let seen = self.lookout.until(host, &looks, left, awaited).await;
        let snapshots = self.lookout.snapshots(host, &seen, ctx.now());
        seen.iter().for_each(|one| ctx.check(check(one, awaited)));
        let findings: Vec<Finding> = seen
            .iter()
            .map(|one| Finding::of(one, awaited, &[Vec::new()]))
            .collect();
        match conclude(host.as_str(), &findings) {
            Ok(()) => Ok(snapshots),
            Err(error) => {
                ctx.saw(snapshots);
                Err(of_the_way_back(error))
            }
        }
    }

    async fn places(&self, order: &Order<ConfirmSpec>) -> Result<Vec<Viewpoint>, ProbeError> {
        let spec = &order.spec;
        if !spec.at_host {
            return Ok(endpoint_places(&spec.endpoints));
        }
        let own = Own {
            host: &order.hostname,
            port: spec.port,
            addresses: &spec.addresses,
        };
        let mut places = self.lookout.places(own, true, &spec.endpoints).await?.all;
        places.retain(|place| spec.endpoints.contains(&place.address) || !spec.except.contains(&place.address));
        Ok(places)
    }
}

fn check(one: &Tally, awaited: impl Fn(&Presented) -> bool) -> Check {
    let name = format!("what was there before is served at {}", one.address);
    if !one.is_settled() && one.is_mixed() {
        return Check::cross(name, mixed(one.address, one));
    }
    match one.shown() {
        Ok(presented) if awaited(presented) => Check::tick(name, format!("{}; {}", presented.leaf, one.extent())),
        Ok(presented) => Check::cross(name, format!("{} is served; {}", presented.leaf, one.extent())),
        Err(error) => Check::cross(name, error.to_string()),
    }
}

/// Another certificate than the former is its own question here.
fn of_the_way_back(error: VerifyError) -> VerifyError {
    match error {
        VerifyError::OtherServed(trouble) | VerifyError::Faulty(trouble) | VerifyError::Mixed(trouble) => {
            VerifyError::NotBack(trouble)
        }
        other @ (VerifyError::Malformed(_)
        | VerifyError::Unreachable(_)
        | VerifyError::Unanswered(_)
        | VerifyError::Unseen(_)
        | VerifyError::NoAddress { .. }
        | VerifyError::NotBack(_)) => other,
    }
}

//! What an Issue order says, in the words of those who carry it out or rehearse it.
//!
//! In: an order. Out: the application at its CA, and what a verdict must know. Never: an effect.

use bus::StepContext;
use domain::policy::Challenge;
use protocol::order::{IssueSpec, Order};

use crate::ca::Application;
use crate::verdict::{Circumstances, IssueError};

/// Without its CSR, which is read for what is carried out only.
pub(crate) fn application<'a>(order: &'a Order<IssueSpec>, ctx: &'a StepContext) -> Application<'a> {
    Application {
        workspace: &order.workspace,
        run: order.run_id,
        ca: &order.spec.ca,
        account: order.spec.account_key.as_ref(),
        names: &order.spec.names,
        csr_der: None,
        profile: order.spec.profile.as_deref(),
        replaces: order.spec.replaces.as_ref(),
        may_be_left: order.spec.save_before_finalize,
        solver: &order.spec.solver,
        ctx,
    }
}

/// The challenge must be one that the order's solver answers.
pub(crate) fn check_challenge(spec: &IssueSpec) -> Result<(), IssueError> {
    if spec.solver.body().challenge() == spec.challenge {
        return Ok(());
    }
    Err(IssueError::Challenge(match spec.challenge {
        Challenge::Http01 => "http-01",
        Challenge::Dns01 => "dns-01",
        Challenge::None => "none",
    }))
}

pub(crate) fn circumstances<S>(order: &Order<S>, ctx: &StepContext) -> Circumstances {
    Circumstances {
        at: order.next_try(ctx.now(), rand::random()),
        key: None,
    }
}

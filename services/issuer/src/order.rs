//! What an Issue order says, in the words of those who carry it out or rehearse it.
//!
//! In: an order. Out: the application at its CA, and what a verdict must know. Never: an effect.

use bus::StepContext;
use domain::policy::Challenge;
use protocol::order::{IssueSpec, Order};

use crate::ca::{Application, CaError};
use crate::verdict::{Circumstances, IssueError};

pub(crate) fn application<'a>(order: &'a Order<IssueSpec>, ctx: &'a StepContext) -> Result<Application<'a>, CaError> {
    let ca = &order.spec.ca;
    Ok(Application {
        workspace: &order.workspace,
        run: order.run_id,
        directory: ca.as_acme().ok_or_else(|| CaError::NotServed { ca: ca.clone() })?,
        names: &order.spec.names,
        profile: order.spec.profile.as_deref(),
        replaces: order.spec.replaces.as_ref(),
        ctx,
    })
}

pub(crate) fn check_challenge(challenge: Challenge) -> Result<(), IssueError> {
    match challenge {
        Challenge::Http01 => Ok(()),
        Challenge::Dns01 => Err(IssueError::Challenge("dns-01")),
        Challenge::None => Err(IssueError::Challenge("none")),
    }
}

pub(crate) fn circumstances<S>(order: &Order<S>, ctx: &StepContext) -> Circumstances {
    Circumstances {
        at: order.next_try(ctx.now(), rand::random()),
        key: None,
    }
}

//! The last look of a dry run: whether those who would be told of a failure can be.

use std::sync::Arc;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{ChannelsSpec, Order};

use crate::courier::Channels;
use crate::notify::Notifier;

pub struct RehearseChannels(pub Arc<Channels>);

impl StepHandler for RehearseChannels {
    type Spec = ChannelsSpec;
    const KIND: StepKind = StepKind::Channels;

    /// Looking is all that there is to do, in a live run too.
    async fn carry_out(&self, order: &Order<ChannelsSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let rehearsed = self.rehearse(order, ctx).await?;
        Ok(Progress::Done(Product::Rehearsed(rehearsed)))
    }

    async fn rehearse(&self, order: &Order<ChannelsSpec>, _: &StepContext) -> Result<Rehearsal, StepError> {
        Ok(Rehearsal::of(checks(&self.0, &order.spec.notify).await))
    }
}

async fn checks(channels: &Channels, notify: &[String]) -> Vec<Check> {
    let mut checks = match &channels.email {
        _ if notify.is_empty() => Vec::new(),
        Some(email) => email.rehearse(notify).await,
        None => vec![Check::cross(
            "mail can be sent",
            format!(
                "notify_on_failure names {}, but the incident service has no [smtp]: set host, port, tls and from there",
                notify.join(", ")
            ),
        )],
    };
    if let Some(webhook) = &channels.webhook {
        checks.extend(webhook.rehearse(&[]).await);
    }
    if checks.is_empty() {
        let evidence = "nobody asked to be told of failures, and no webhook is configured";
        checks.push(Check::tick("nobody is to be told", evidence));
    }
    checks
}

//! The last look of a dry run: whether those who would be told of a failure can be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{ChannelsSpec, Order};

use tokio::sync::Mutex;

use crate::courier::Channels;
use crate::notify::Notifier;

/// Thousands are rehearsed in one night, and the webhook is the same for all: it is pinged once in a while.
const PINGED_AT_MOST: Duration = Duration::from_secs(60);

pub struct RehearseChannels {
    channels: Arc<Channels>,
    pinged: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl RehearseChannels {
    pub fn new(channels: Arc<Channels>) -> Self {
        Self {
            channels,
            pinged: Mutex::default(),
        }
    }

    /// As it answered within the last minute.
    async fn webhook(&self) -> Vec<Check> {
        let Some(webhook) = &self.channels.webhook else {
            return Vec::new();
        };
        let mut pinged = self.pinged.lock().await;
        let fresh = pinged.as_ref().filter(|(at, _)| at.elapsed() < PINGED_AT_MOST);
        if let Some((_, checks)) = fresh {
            return checks.clone();
        }
        let checks = webhook.rehearse(&[]).await;
        *pinged = Some((Instant::now(), checks.clone()));
        checks
    }
}

impl StepHandler for RehearseChannels {
    type Spec = ChannelsSpec;
    const KIND: StepKind = StepKind::Channels;

    /// Looking is all that there is to do, in a live run too.
    async fn carry_out(&self, order: &Order<ChannelsSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let rehearsed = self.rehearse(order, ctx).await?;
        Ok(Progress::Done(Product::Rehearsed(rehearsed)))
    }

    async fn rehearse(&self, order: &Order<ChannelsSpec>, _: &StepContext) -> Result<Rehearsal, StepError> {
        let mut checks = mail(&self.channels, &order.spec.notify).await;
        checks.extend(self.webhook().await);
        if checks.is_empty() {
            let evidence = "nobody asked to be told of failures, and no webhook is configured";
            checks.push(Check::tick("nobody is to be told", evidence));
        }
        Ok(Rehearsal::of(checks))
    }
}

async fn mail(channels: &Channels, notify: &[String]) -> Vec<Check> {
    match &channels.email {
        _ if notify.is_empty() => Vec::new(),
        Some(email) => email.rehearse(notify).await,
        None => vec![Check::cross(
            "mail can be sent",
            format!(
                "notify_on_failure names {}, but the incident service has no [smtp]: set host, port, tls and from there",
                notify.join(", ")
            ),
        )],
    }
}

//! The last look of a dry run: whether those who would be told of a failure can be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::channel::{ChannelKind, Reach};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{ChannelsSpec, Order};

use tokio::sync::Mutex;

use crate::notify::channels::{Channels, Configured};

/// Thousands are rehearsed in one night, and a channel with one receiver is the same for all: it is
/// asked once in a while.
const ASKED_AT_MOST: Duration = Duration::from_secs(60);

pub struct RehearseChannels {
    channels: Arc<Channels>,
    recent: Mutex<HashMap<ChannelKind, (Instant, Vec<Check>)>>,
}

impl RehearseChannels {
    pub fn new(channels: Arc<Channels>) -> Self {
        Self {
            channels,
            recent: Mutex::default(),
        }
    }

    async fn of_channel(&self, channel: &Configured, notify: &[String]) -> Vec<Check> {
        match channel.reaches {
            Reach::Addresses if notify.is_empty() => Vec::new(),
            Reach::Addresses => channel.notifier.rehearse(notify).await,
            Reach::One(_) => self.lately(channel).await,
        }
    }

    /// As it answered within the last minute.
    async fn lately(&self, channel: &Configured) -> Vec<Check> {
        let mut recent = self.recent.lock().await;
        let fresh = recent.get(&channel.kind).filter(|(at, _)| at.elapsed() < ASKED_AT_MOST);
        if let Some((_, checks)) = fresh {
            return checks.clone();
        }
        let checks = channel.notifier.rehearse(&[]).await;
        recent.insert(channel.kind, (Instant::now(), checks.clone()));
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
        let notify = &order.spec.notify;
        let mut checks: Vec<Check> = unreached(&self.channels, notify).into_iter().collect();
        for channel in self.channels.all() {
            checks.extend(self.of_channel(channel, notify).await);
        }
        if checks.is_empty() {
            let evidence =
                "no policy asks for notifications of failures, and no channel with a receiver of its own is configured";
            checks.push(Check::tick("no receiver is to be told", evidence));
        }
        Ok(Rehearsal::of(checks))
    }
}

/// Addresses to which nothing could be sent.
fn unreached(channels: &Channels, notify: &[String]) -> Option<Check> {
    let reached = channels.all().iter().any(|channel| channel.reaches == Reach::Addresses);
    if notify.is_empty() || reached {
        return None;
    }
    let evidence = format!(
        "notify_on_failure names {}, but the incident service has no [smtp]: set host, port, tls and from there",
        notify.join(", ")
    );
    Some(Check::cross("mail can be sent", evidence))
}

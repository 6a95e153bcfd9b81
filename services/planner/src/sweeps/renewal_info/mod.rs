//! Asks CAs when they want certificates renewed (RFC 9773), and keeps what they say.
//!
//! In: certificates whose time to be asked about has come, what issuers were told. Out: questions
//! on NATS, windows in the record; a policy whose window moved is judged again at once. Never: a
//! request of its own to a CA, a run.
//!
//! As with the survey, the next time moves when a question is taken: one that is lost is asked
//! again after a minute, by whichever replica comes first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use bus::panics::{caught, or_next_round};
use domain::ari::{Asked, Known, RenewalInfoAnswer, calls_for_renewal, next_ask};
use domain::ca::CaRef;
use domain::clock::Clock;
use domain::{HostId, Hostname, Timestamp, WorkspaceId};
use protocol::SCHEMA;
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold, Served, Told};
use store::{Answered, AskWindow, LockedRenewal, Store, StoreError, ToAsk};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::decide::borders::{crossed_by_time, crossed_by_workspace};

const TICK: Duration = Duration::from_millis(500);
const AFTER_TROUBLE: Duration = Duration::from_millis(300);
/// A CA that does not answer is waited for half a minute: after this long no issuer works on it any
/// more.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// Hosts that a version before this one has seen, in one statement.
const ADOPTED_AT_ONCE: usize = 500;
/// An issuer asks about the certificates of one message at the same time.
const IN_ONE_MESSAGE: usize = 8;

pub(crate) struct RenewalInfo {
    pub store: Store,
    pub bus: Bus,
    /// Questions that may be out at once; no CA is asked without one.
    pub window: Option<u32>,
    pub clock: Arc<dyn Clock>,
}

/// Asks about certificates as their time comes, until `stop`.
pub(crate) async fn ask_when_due(asking: &RenewalInfo, stop: &CancellationToken) -> anyhow::Result<()> {
    let Some(window) = asking.window else {
        stop.cancelled().await;
        return Ok(());
    };
    let mut adopted = false;
    while chassis::pause(TICK, stop).await.is_some() {
        let asked = async {
            if !adopted {
                adopted = asking.store.adopt_served(ADOPTED_AT_ONCE as i64).await? < ADOPTED_AT_ONCE;
            }
            asking.ask_due(window).await
        };
        if let Err(error) = or_next_round(asked).await {
            warn!(%error, "the certificates that CAs are to be asked about cannot be read; trying again");
        }
    }
    Ok(())
}

/// Takes down what CAs answered, until `stop`. What a transaction that failed leaves unacknowledged
/// comes again.
pub(crate) async fn take_down(
    asking: &RenewalInfo,
    mut inbox: Inbox<RenewalInfoTold>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(told) = inbox.next(stop).await {
        asking.keep_until_done(&told, stop).await;
    }
    Ok(())
}

impl RenewalInfo {
    async fn ask_due(&self, window: u32) -> Result<(), StoreError> {
        let now = self.clock.now();
        let window = AskWindow {
            most: i64::from(window),
            lost: now.minus(LOST_AFTER),
        };
        let due = self.store.claim_renewal_asks(window, now, now.plus(LOST_AFTER)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let asks = asks(due, now);
        let answers = self.bus.publish_renewal_info_asks(&asks).await;
        if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            warn!(%error, "not every certificate that is due could be asked about; it is tried again");
        }
        Ok(())
    }

    /// The CAs of what these hosts serve are asked with the next tick, whenever they are due.
    pub(crate) async fn ask_now(&self, workspace: &WorkspaceId, hostnames: &[Hostname]) -> Result<(), StoreError> {
        let names: Vec<String> = hostnames.iter().map(Hostname::to_string).collect();
        self.store.ask_about(workspace, &names, self.clock.now()).await
    }

    async fn keep_until_done(&self, told: &[Delivery<RenewalInfoTold>], stop: &CancellationToken) {
        loop {
            let answers: Vec<About<'_>> = told.iter().flat_map(|one| about(&one.value)).collect();
            match caught(self.keep(&answers)).await {
                Ok(Ok(refused)) => {
                    debug!(messages = told.len(), "CAs have answered");
                    return self.settle(told, &refused).await;
                }
                Ok(Err(StoreError::Unavailable(why))) => warn!(%why, "what CAs answered cannot be kept; trying again"),
                // A row that cannot be read must not hold up the others.
                Ok(Err(error)) => return self.keep_apart(told, &error).await,
                Err(panicked) => return self.keep_apart(told, &panicked).await,
            }
            if chassis::pause(AFTER_TROUBLE, stop).await.is_none() {
                return;
            }
        }
    }

    async fn keep_apart(&self, told: &[Delivery<RenewalInfoTold>], together: &(dyn std::error::Error + Sync)) {
        warn!(error = %together, "what CAs answered cannot be kept together; one by one");
        for one in told {
            let (mut kept, mut refused, mut panicked) = (true, Vec::new(), None);
            for (workspace, told) in about(&one.value) {
                match caught(self.keep(&[(workspace, told)])).await {
                    Ok(Ok(more)) => refused.extend(more),
                    Ok(Err(error)) => {
                        error!(%error, host = %told.host_id, "what a CA answered cannot be kept");
                        kept = false;
                    }
                    Err(at_it) => panicked = Some(at_it),
                }
            }
            match panicked {
                Some(panicked) => one.bury_defect(&panicked).await,
                None if kept => self.settle(std::slice::from_ref(one), &refused).await,
                None => {}
            }
        }
    }

    /// A message with an answer that its issuer may not give is evidence as a whole.
    async fn settle(&self, told: &[Delivery<RenewalInfoTold>], refused: &[Refused]) {
        for one in told {
            let of = |refused: &&Refused| {
                one.value.workspace == refused.said_for && one.value.answers().any(|told| told.host_id == refused.host)
            };
            match refused.iter().find(of) {
                Some(refused) => one.bury(&self.bus, &refused.why).await,
                None => one.ack().await,
            }
        }
    }

    /// One transaction for all; gives what an issuer may not say.
    async fn keep(&self, told: &[About<'_>]) -> Result<Vec<Refused>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.renewal_answers().await?;
        let hosts: Vec<HostId> = told.iter().map(|(_, told)| told.host_id).collect();
        let known = tx.load(&hosts).await?;
        let mut known: BTreeMap<HostId, LockedRenewal> = known.into_iter().map(|one| (one.host_id, one)).collect();
        let (mut answers, mut refused) = (BTreeMap::new(), Vec::new());
        for (workspace, told) in told {
            let Some(before) = known.get_mut(&told.host_id) else {
                continue;
            };
            let crossed = crossed_by_workspace(workspace, &before.workspace);
            if let Some(why) = crossed.or_else(|| crossed_by_time(told.told_at.max(told.asked_at), now)) {
                refused.push(Refused {
                    said_for: (*workspace).clone(),
                    host: told.host_id,
                    why,
                });
                continue;
            }
            if let Some(answered) = answered(before, told, now) {
                before.answered_at = Some(answered.told_at);
                answers.insert(told.host_id, answered);
            }
        }
        let answers: Vec<Answered> = answers.into_values().collect();
        let called = answers.iter().filter(|one| one.called).count();
        if called > 0 {
            info!(certificates = called, "a CA calls for renewal at once");
        }
        tx.save(&answers, now).await?;
        tx.commit().await?;
        Ok(refused)
    }
}

/// An answer that is not believed.
struct Refused {
    said_for: WorkspaceId,
    host: HostId,
    why: String,
}

/// An answer, and in whose workspace it was asked for.
type About<'a> = (&'a WorkspaceId, &'a Told);

fn about(told: &RenewalInfoTold) -> impl Iterator<Item = About<'_>> {
    told.answers().map(|answer| (&told.workspace, answer))
}

/// A few certificates of one CA in each.
fn asks(due: Vec<ToAsk>, now: Timestamp) -> Vec<RenewalInfoAsk> {
    let mut of: BTreeMap<(WorkspaceId, CaRef), Vec<Served>> = BTreeMap::new();
    for one in due {
        let served = Served {
            host_id: one.host_id,
            cert_id: one.cert_id,
        };
        of.entry((one.workspace, one.ca)).or_default().push(served);
    }
    let asks = of.iter().flat_map(|((workspace, ca), served)| {
        let ask = |served: &[Served]| {
            let (first, more) = served.split_first()?;
            Some(RenewalInfoAsk {
                schema: SCHEMA,
                workspace: workspace.clone(),
                first: first.clone(),
                more: more.to_vec(),
                ca: ca.clone(),
                asked_at: now,
                until: now.plus(LOST_AFTER),
            })
        };
        served.chunks(IN_ONE_MESSAGE).filter_map(ask)
    });
    asks.collect()
}

/// Nothing when it is about a certificate that is not served any more, or a younger answer was kept
/// already. What passes leaves the window as it was; anything else takes it away, and the policy is
/// due by its own rule.
fn answered(before: &LockedRenewal, told: &Told, now: Timestamp) -> Option<Answered> {
    let stale = before.answered_at.is_some_and(|answered| told.told_at < answered);
    if stale || before.cert_id.as_ref() != Some(&told.cert_id) {
        return None;
    }
    let suggested = match &told.answer {
        RenewalInfoAnswer::Suggested { suggestion, .. } => Some(suggestion),
        RenewalInfoAnswer::NotOffered
        | RenewalInfoAnswer::Unknown { .. }
        | RenewalInfoAnswer::Garbled { .. }
        | RenewalInfoAnswer::Unavailable { .. }
        | RenewalInfoAnswer::NotAllowed { .. } => None,
    };
    let failures = suggested.map_or(before.failures.saturating_add(1), |_| 0);
    let passing = told.answer.is_passing();
    let of_before = before.suggestion.as_ref().filter(|_| passing);
    let suggestion = suggested.or(of_before).cloned();
    let called = suggested.is_some_and(|suggestion| {
        let known = Known {
            window: before.suggestion.as_ref().map(|one| &one.window),
            life: before.life,
            is_new_of_ours: before.issued_here && before.answered_at.is_none(),
        };
        calls_for_renewal(known, &suggestion.window, now)
    });
    let asked = Asked {
        failures,
        before: before.answered_at,
        not_after: before.life.1,
    };
    Some(Answered {
        host_id: told.host_id,
        asked_at: told.asked_at,
        told_at: told.told_at,
        suggestion,
        next_ask_at: next_ask(told.host_id, &told.answer, asked, now),
        failures,
        last_error: told.answer.trouble(),
        called,
    })
}

#[cfg(test)]
mod tests;

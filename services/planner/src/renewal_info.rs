//! Asks CAs when they want certificates renewed (RFC 9773), and keeps what they say.
//!
//! In: certificates whose time to be asked about has come, what issuers were told. Out: questions on NATS, windows in the
//! record; a policy whose window moved is judged again at once. Never: a request of its own to a CA, a run.
//!
//! As with the survey, the next time moves when a question is taken: one that is lost is asked again after a minute, by
//! whichever replica comes first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use domain::ari::{Answer, calls_for_renewal, next_ask};
use domain::clock::Clock;
use domain::{HostId, Hostname, Timestamp, WorkspaceId};
use protocol::SCHEMA;
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold, Served, Told};
use store::{Answered, LockedRenewal, Store, StoreError, ToAsk};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use url::Url;

const TICK: Duration = Duration::from_millis(500);
const AFTER_TROUBLE: Duration = Duration::from_millis(300);
/// A CA that does not answer is waited for half a minute: after this long nobody is at it any more.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// Hosts that a version before this one has seen, in one statement.
const ADOPTED_AT_ONCE: usize = 500;
/// An issuer asks about the certificates of one message at the same time.
const IN_ONE_MESSAGE: usize = 8;

pub(crate) struct RenewalInfo {
    pub store: Store,
    pub bus: Bus,
    /// Questions that may be out at once; nobody is asked without.
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
    while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        let asked = async {
            if !adopted {
                adopted = asking.store.adopt_served(ADOPTED_AT_ONCE as i64).await? < ADOPTED_AT_ONCE;
            }
            asking.ask_due(window).await
        };
        if let Err(error) = asked.await {
            warn!(%error, "the certificates that CAs are to be asked about cannot be read; trying again");
        }
    }
    Ok(())
}

/// Takes down what CAs answered, until `stop`. What a transaction that failed leaves unacknowledged comes again.
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
        let lost = Timestamp::new(now.get() - LOST_AFTER);
        let times = (lost, now, now.plus(LOST_AFTER));
        let due = self.store.claim_renewal_asks(i64::from(window), times).await?;
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
            match self.keep(&answers).await {
                Ok(()) => {
                    debug!(messages = told.len(), "CAs have answered");
                    for one in told {
                        one.ack().await;
                    }
                    return;
                }
                Err(StoreError::Unavailable(why)) => warn!(%why, "what CAs answered cannot be kept; trying again"),
                // A row that cannot be read must not hold up the others.
                Err(error) => return self.keep_apart(told, &error).await,
            }
            let pause = tokio::time::sleep(AFTER_TROUBLE);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn keep_apart(&self, told: &[Delivery<RenewalInfoTold>], together: &StoreError) {
        warn!(error = %together, "what CAs answered cannot be kept together; one by one");
        for one in told {
            let mut kept = true;
            for (workspace, told) in about(&one.value) {
                if let Err(error) = self.keep(&[(workspace, told)]).await {
                    error!(%error, host = %told.host_id, "what a CA answered cannot be kept");
                    kept = false;
                }
            }
            if kept {
                one.ack().await;
            }
        }
    }

    /// One transaction for all.
    async fn keep(&self, told: &[About<'_>]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.renewal_answers().await?;
        let hosts: Vec<HostId> = told.iter().map(|(_, told)| told.host_id).collect();
        let known = tx.load(&hosts).await?;
        let mut known: BTreeMap<HostId, LockedRenewal> = known.into_iter().map(|one| (one.host_id, one)).collect();
        let mut answers = BTreeMap::new();
        for (workspace, told) in told {
            let before = known.get_mut(&told.host_id);
            let Some(before) = before.filter(|before| before.workspace == **workspace) else {
                continue;
            };
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
        tx.commit().await
    }
}

/// An answer, and in whose workspace it was asked for.
type About<'a> = (&'a WorkspaceId, &'a Told);

fn about(told: &RenewalInfoTold) -> impl Iterator<Item = About<'_>> {
    told.answers().map(|answer| (&told.workspace, answer))
}

/// A few certificates of one CA in each.
fn asks(due: Vec<ToAsk>, now: Timestamp) -> Vec<RenewalInfoAsk> {
    let mut of: BTreeMap<(WorkspaceId, Url), Vec<Served>> = BTreeMap::new();
    for one in due {
        let served = Served {
            host_id: one.host_id,
            cert_id: one.cert_id,
        };
        of.entry((one.workspace, one.directory_url)).or_default().push(served);
    }
    let asks = of.iter().flat_map(|((workspace, directory_url), served)| {
        let ask = |served: &[Served]| {
            let (first, more) = served.split_first()?;
            Some(RenewalInfoAsk {
                schema: SCHEMA,
                workspace: workspace.clone(),
                first: first.clone(),
                more: more.to_vec(),
                directory_url: directory_url.clone(),
                asked_at: now,
                until: now.plus(LOST_AFTER),
            })
        };
        served.chunks(IN_ONE_MESSAGE).filter_map(ask)
    });
    asks.collect()
}

/// Nothing when it is about a certificate that is not served any more, or a younger answer was kept already. What passes
/// leaves the window as it was; anything else takes it away, and the policy is due by its own rule.
fn answered(before: &LockedRenewal, told: &Told, now: Timestamp) -> Option<Answered> {
    let stale = before.answered_at.is_some_and(|answered| told.told_at < answered);
    if stale || before.cert_id.as_ref() != Some(&told.cert_id) {
        return None;
    }
    let failures = match &told.answer {
        Answer::Suggested { .. } => 0,
        _ => before.failures.saturating_add(1),
    };
    let suggestion = match &told.answer {
        Answer::Suggested { suggestion, .. } => Some(suggestion.clone()),
        other if other.is_passing() => before.suggestion.clone(),
        _ => None,
    };
    let called = match &told.answer {
        Answer::Suggested { suggestion, .. } => {
            let known = before.suggestion.as_ref().map(|one| &one.window);
            calls_for_renewal(known, &suggestion.window, before.life, now)
        }
        _ => false,
    };
    Some(Answered {
        host_id: told.host_id,
        asked_at: told.asked_at,
        told_at: told.told_at,
        suggestion,
        next_ask_at: next_ask(told.host_id, &told.answer, (failures, before.life.1), now),
        failures,
        last_error: told.answer.trouble(),
        called,
    })
}

#[cfg(test)]
mod tests {
    use domain::ari::{Suggestion, Window};

    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(hours * 3600))
    }

    fn suggestion(start: u64, end: u64) -> Suggestion {
        Suggestion {
            window: Window::new(at(start), at(end)).expect("a window"),
            explanation_url: Some("https://ca.example.org/why".to_owned()),
        }
    }

    fn suggested(start: u64, end: u64) -> Answer {
        Answer::Suggested {
            suggestion: suggestion(start, end),
            retry_at: Some(at(106)),
        }
    }

    /// Served from hour 0 to hour 2160, asked about before.
    fn before() -> LockedRenewal {
        LockedRenewal {
            host_id: HostId::new(),
            workspace: WorkspaceId::default_workspace(),
            cert_id: Some("AIdlQyE.AIdlQyE".parse().expect("an identifier")),
            directory_url: Some("https://ca.example.org/dir".to_owned()),
            life: (at(0), at(2160)),
            suggestion: Some(suggestion(1400, 1440)),
            answered_at: Some(at(90)),
            failures: 2,
        }
    }

    fn told(before: &LockedRenewal, answer: Answer) -> Told {
        Told {
            host_id: before.host_id,
            cert_id: before.cert_id.clone().expect("it has one"),
            asked_at: at(100),
            told_at: at(100),
            answer,
        }
    }

    fn kept(answer: Answer) -> Answered {
        let before = before();
        answered(&before, &told(&before, answer), at(100)).expect("it is news")
    }

    fn due(ca: &str) -> ToAsk {
        ToAsk {
            host_id: HostId::new(),
            workspace: WorkspaceId::default_workspace(),
            cert_id: "AIdlQyE.AIdlQyE".parse().expect("an identifier"),
            directory_url: format!("https://{ca}/dir").parse().expect("a URL"),
        }
    }

    #[test]
    fn a_message_is_about_a_few_certificates_of_one_ca() {
        let due: Vec<ToAsk> = (0..20)
            .map(|n| due(if n % 2 == 0 { "a.org" } else { "b.org" }))
            .collect();
        let asks = asks(due.clone(), at(100));
        let sizes: Vec<usize> = asks.iter().map(|ask| ask.certificates().count()).collect();
        assert_eq!(sizes, [8, 2, 8, 2]);
        for one in &due {
            let of = asks
                .iter()
                .filter(|ask| ask.certificates().any(|served| served.host_id == one.host_id));
            let at: Vec<&Url> = of.map(|ask| &ask.directory_url).collect();
            assert_eq!(at, [&one.directory_url]);
        }
    }

    #[test]
    fn a_suggestion_is_kept_and_asked_about_when_the_ca_says() {
        let kept = kept(suggested(1300, 1340));
        assert_eq!(kept.suggestion, Some(suggestion(1300, 1340)));
        assert!((kept.failures, kept.last_error, kept.called) == (0, None, false));
        assert!(kept.next_ask_at.is_some_and(|next| next >= at(106) && next < at(107)));
    }

    #[test]
    fn a_window_that_jumped_into_the_past_is_a_call() {
        assert!(kept(suggested(98, 99)).called);
    }

    #[test]
    fn what_passes_leaves_the_window_and_what_lasts_takes_it() {
        let said = || "503".to_owned();
        let busy = kept(Answer::Unavailable {
            until: None,
            said: said(),
        });
        assert_eq!((busy.suggestion, busy.failures), (before().suggestion, 3));
        for answer in [
            Answer::NotOffered,
            Answer::Unknown { said: said() },
            Answer::Garbled { said: said() },
        ] {
            let kept = kept(answer);
            assert!(kept.suggestion.is_none() && kept.last_error.is_some(), "{kept:?}");
        }
    }

    #[test]
    fn an_answer_about_another_certificate_or_an_older_one_is_no_news() {
        let before = before();
        let mut other = told(&before, suggested(1300, 1340));
        other.cert_id = "BIdlQyE.AIdlQyE".parse().expect("an identifier");
        assert!(answered(&before, &other, at(100)).is_none());
        let mut older = told(&before, suggested(1300, 1340));
        older.told_at = at(80);
        assert!(answered(&before, &older, at(100)).is_none());
    }
}

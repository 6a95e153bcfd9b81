//! The survey: every host is looked at on its interval, and at once when a person asks.
//!
//! In: hosts whose time has come, what verifiers saw. Out: asks on NATS, snapshots of what is news.
//! Never: a run's lane: the survey has its own window, stream and transactions, and a verifier its
//! own slots for it.
//!
//! A host's next time moves when it is taken: an ask that is lost is asked again after a minute, by
//! whichever replica comes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use bus::panics::{caught, or_next_round};
use domain::clock::Clock;
use domain::{HostId, Hostname, Timestamp, WorkspaceId, observation};
use protocol::SCHEMA;
use protocol::probe::{LastLeaf, ProbeAsk, ProbeSeen};
use store::{AskWindow, Due, LockedHost, Observation, SnapshotRow, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::decide::borders::{crossed_by_time, crossed_by_workspace};

const TICK: Duration = Duration::from_millis(250);
const AFTER_TROUBLE: Duration = Duration::from_millis(300);
/// A verifier needs seconds for a host that does not answer: after this long no verifier works on
/// it any more.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(60);

pub(crate) struct Survey {
    pub store: Store,
    pub bus: Bus,
    /// Looks that may be out at once.
    pub window: u32,
    pub clock: Arc<dyn Clock>,
}

/// What came of a batch of looks.
struct SurveyOutcome {
    /// Snapshots that are news.
    news: usize,
    /// By their place in the batch: those that say what a verifier may not say, and why.
    refused: HashMap<usize, String>,
}

/// Asks for looks as hosts fall due, until `stop`.
pub(crate) async fn ask_when_due(survey: &Survey, stop: &CancellationToken) -> anyhow::Result<()> {
    while chassis::pause(TICK, stop).await.is_some() {
        if let Err(error) = or_next_round(survey.ask_due()).await {
            warn!(%error, "the hosts that are due cannot be read; trying again");
        }
    }
    Ok(())
}

/// Takes down what was seen, until `stop`. What a transaction that failed leaves unacknowledged
/// comes again.
pub(crate) async fn take_down(
    survey: &Survey,
    mut inbox: Inbox<ProbeSeen>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(looks) = inbox.next(stop).await {
        survey.keep_until_done(&looks, stop).await;
    }
    Ok(())
}

impl Survey {
    async fn ask_due(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let until = now.plus(LOST_AFTER);
        let due = self.store.claim_due(self.window_at(now), now, until).await?;
        self.ask(due, now).await;
        Ok(())
    }

    fn window_at(&self, now: Timestamp) -> AskWindow {
        AskWindow {
            most: i64::from(self.window),
            lost: now.minus(LOST_AFTER),
        }
    }

    /// Asks for these hosts now, whatever their time and the window. Gives the instant of the ask,
    /// and the names that are hosts of the workspace.
    pub(crate) async fn ask_now(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[Hostname],
    ) -> Result<(Timestamp, Vec<Hostname>), StoreError> {
        let now = self.clock.now();
        let names: Vec<String> = hostnames.iter().map(Hostname::to_string).collect();
        let taken = self
            .store
            .claim_named(workspace, &names, now, now.plus(LOST_AFTER))
            .await?;
        let asked = taken.iter().map(|due| due.spec.hostname.clone()).collect();
        self.ask(taken, now).await;
        Ok((now, asked))
    }

    /// Asks for these hosts now, whatever their time, as far as the window has room: whoever wants
    /// the others asks again.
    pub(crate) async fn ask_about(&self, hosts: &[HostId]) {
        let now = self.clock.now();
        let until = now.plus(LOST_AFTER);
        match self.store.claim_hosts(hosts, self.window_at(now), now, until).await {
            Ok(taken) => self.ask(taken, now).await,
            Err(error) => warn!(%error, "hosts could not be asked for before their runs begin; trying again"),
        }
    }

    /// What cannot be published is due again when it counts as lost.
    async fn ask(&self, hosts: Vec<Due>, now: Timestamp) {
        if hosts.is_empty() {
            return;
        }
        let asks: Vec<ProbeAsk> = hosts.into_iter().map(|due| ask(due, now)).collect();
        let answers = self.bus.publish_probe_asks(&asks).await;
        if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            warn!(%error, "not every host that is due could be asked for; it is tried again");
        }
    }

    async fn keep_until_done(&self, looks: &[Delivery<ProbeSeen>], stop: &CancellationToken) {
        loop {
            let seen: Vec<&ProbeSeen> = looks.iter().map(|look| &look.value).collect();
            match caught(self.keep(&seen)).await {
                Ok(Ok(kept)) => {
                    debug!(looks = looks.len(), news = kept.news, "hosts were looked at");
                    return self.settle(looks, &kept).await;
                }
                Ok(Err(StoreError::Unavailable(why))) => warn!(%why, "what was seen cannot be kept; trying again"),
                // A host whose row cannot be read must not hold up the others.
                Ok(Err(error)) => return self.keep_apart(looks, &error).await,
                Err(panicked) => return self.keep_apart(looks, &panicked).await,
            }
            if chassis::pause(AFTER_TROUBLE, stop).await.is_none() {
                return;
            }
        }
    }

    async fn keep_apart(&self, looks: &[Delivery<ProbeSeen>], together: &(dyn std::error::Error + Sync)) {
        warn!(error = %together, "what was seen cannot be kept together; one by one");
        for look in looks {
            match caught(self.keep(&[&look.value])).await {
                Ok(Ok(kept)) => self.settle(std::slice::from_ref(look), &kept).await,
                Ok(Err(error)) => error!(%error, host = %look.value.host_id, "what was seen of a host cannot be kept"),
                Err(panicked) => look.bury_defect(&panicked).await,
            }
        }
    }

    async fn settle(&self, looks: &[Delivery<ProbeSeen>], kept: &SurveyOutcome) {
        for (place, look) in looks.iter().enumerate() {
            match kept.refused.get(&place) {
                Some(why) => look.bury(&self.bus, why).await,
                None => look.ack().await,
            }
        }
    }

    /// One transaction for all.
    async fn keep(&self, looks: &[&ProbeSeen]) -> Result<SurveyOutcome, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.survey().await?;
        let ids: Vec<HostId> = looks.iter().map(|look| look.host_id).collect();
        let mut hosts: BTreeMap<HostId, LockedHost> =
            tx.load(&ids).await?.into_iter().map(|host| (host.id, host)).collect();
        let (mut news, mut observations, mut refused) = (Vec::new(), BTreeMap::new(), HashMap::new());
        for (place, look) in looks.iter().enumerate() {
            let Some(host) = hosts.get_mut(&look.host_id) else {
                continue;
            };
            let crossed = crossed_by_workspace(&look.workspace, &host.workspace);
            if let Some(why) = crossed.or_else(|| crossed_by_time(look.asked_at, now)) {
                refused.insert(place, why);
                continue;
            }
            if let Some(observation) = sighted(host, look, now) {
                if host.digest.as_ref() != Some(&observation.digest) {
                    news.extend(rows(look));
                }
                host.digest = Some(observation.digest.clone());
                host.steadiness = observation.steadiness;
                host.standing = observation.standing.clone();
                host.answered_at = Some(observation.asked_at);
                observations.insert(host.id, observation);
            }
        }
        tx.keep_snapshots(&news).await?;
        let observations: Vec<Observation> = observations.into_values().collect();
        tx.save(&observations).await?;
        tx.commit().await?;
        let news = news.len();
        Ok(SurveyOutcome { news, refused })
    }
}

fn ask(due: Due, now: Timestamp) -> ProbeAsk {
    ProbeAsk {
        schema: SCHEMA,
        workspace: due.workspace,
        host_id: due.id,
        hostname: due.spec.hostname,
        port: due.spec.port,
        addresses: due.spec.addresses,
        asked_at: now,
        until: now.plus(LOST_AFTER),
        was_mixed: due.is_mixed,
        last: due
            .last
            .into_iter()
            .map(|(dialled, leaf)| LastLeaf { dialled, leaf })
            .collect(),
    }
}

/// Nothing when a younger ask was answered already.
fn sighted(host: &LockedHost, look: &ProbeSeen, now: Timestamp) -> Option<Observation> {
    let stale = host.answered_at.is_some_and(|answered| look.asked_at < answered);
    if stale {
        return None;
    }
    let interval = Duration::from_secs(u64::from(host.spec.probe_interval_seconds));
    let digest = observation::digest(&look.snapshots).to_string();
    let is_same = host.digest.as_ref() == Some(&digest);
    let steadiness = host.steadiness.after(&look.snapshots, is_same, look.seen_at);
    let standing = host.standing.after(&host.spec.hostname, &look.snapshots, look.seen_at);
    let usual = steadiness.next_look(host.id, interval, now);
    Some(Observation {
        host_id: host.id,
        asked_at: look.asked_at,
        seen_at: look.seen_at,
        digest,
        steadiness,
        next_at: standing.next_look(&look.snapshots, usual, now),
        standing,
    })
}

fn rows(look: &ProbeSeen) -> impl Iterator<Item = SnapshotRow> {
    look.snapshots.iter().map(|snapshot| SnapshotRow {
        workspace: look.workspace.clone(),
        host_id: look.host_id,
        run_id: None,
        snapshot: snapshot.clone(),
    })
}

//! The survey: every host is looked at on its interval, and at once when somebody asks.
//!
//! In: hosts whose time has come, what verifiers saw. Out: asks on NATS, snapshots of what is news. Never: a run's lane: the
//! survey has its own window, stream and transactions, and a verifier its own slots for it.
//!
//! A host's next time moves when it is taken: an ask that is lost is asked again after a minute, by whichever replica
//! comes first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use domain::clock::Clock;
use domain::{HostId, Hostname, Timestamp, WorkspaceId, sight};
use protocol::SCHEMA;
use protocol::probe::{ProbeAsk, ProbeSeen};
use store::{Due, LockedHost, Sighting, SnapshotRow, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

const TICK: Duration = Duration::from_millis(250);
const AFTER_TROUBLE: Duration = Duration::from_millis(300);
/// A verifier needs seconds for a host that does not answer: after this long nobody is at it any more.
const LOST_AFTER: Duration = Duration::from_secs(60);

pub(crate) struct Survey {
    pub store: Store,
    pub bus: Bus,
    /// Looks that may be out at once.
    pub window: u32,
    pub clock: Arc<dyn Clock>,
}

/// Asks for looks as hosts fall due, until `stop`.
pub(crate) async fn ask_when_due(survey: &Survey, stop: &CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        if let Err(error) = survey.ask_due().await {
            warn!(%error, "the hosts that are due cannot be read; trying again");
        }
    }
    Ok(())
}

/// Takes down what was seen, until `stop`. What a transaction that failed leaves unacknowledged comes again.
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
        let lost = Timestamp::new(now.get() - LOST_AFTER);
        let window = i64::from(self.window);
        let due = self.store.claim_due(window, (lost, now, now.plus(LOST_AFTER))).await?;
        self.ask(due, now).await;
        Ok(())
    }

    /// Asks for these hosts now, whatever their time and the window. Gives the instant of the ask, and the names that are
    /// hosts of the workspace.
    pub(crate) async fn ask_now(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[Hostname],
    ) -> Result<(Timestamp, Vec<Hostname>), StoreError> {
        let now = self.clock.now();
        let names: Vec<String> = hostnames.iter().map(Hostname::to_string).collect();
        let taken = self
            .store
            .claim_named((workspace, &names), (now, now.plus(LOST_AFTER)))
            .await?;
        let asked = taken.iter().map(|due| due.is.hostname.clone()).collect();
        self.ask(taken, now).await;
        Ok((now, asked))
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
            match self.keep(&seen).await {
                Ok(news) => {
                    debug!(looks = looks.len(), news, "hosts were looked at");
                    for look in looks {
                        look.ack().await;
                    }
                    return;
                }
                Err(StoreError::Unavailable(why)) => warn!(%why, "what was seen cannot be kept; trying again"),
                // A host whose row cannot be read must not hold up the others.
                Err(error) => return self.keep_apart(looks, &error).await,
            }
            if stop
                .run_until_cancelled(tokio::time::sleep(AFTER_TROUBLE))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    async fn keep_apart(&self, looks: &[Delivery<ProbeSeen>], together: &StoreError) {
        warn!(error = %together, "what was seen cannot be kept together; one by one");
        for look in looks {
            match self.keep(&[&look.value]).await {
                Ok(_) => look.ack().await,
                Err(error) => error!(%error, host = %look.value.host_id, "what was seen of a host cannot be kept"),
            }
        }
    }

    /// One transaction for all; gives how many snapshots were news.
    async fn keep(&self, looks: &[&ProbeSeen]) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.survey().await?;
        let ids: Vec<HostId> = looks.iter().map(|look| look.host_id).collect();
        let mut hosts: BTreeMap<HostId, LockedHost> =
            tx.load(&ids).await?.into_iter().map(|host| (host.id, host)).collect();
        let (mut news, mut sightings) = (Vec::new(), BTreeMap::new());
        for look in looks {
            let Some(host) = hosts.get_mut(&look.host_id) else {
                continue;
            };
            if let Some(sighting) = sighted(host, look, now) {
                if host.sight.as_ref() != Some(&sighting.sight) {
                    news.extend(rows(look));
                }
                host.sight = Some(sighting.sight.clone());
                host.answered_at = Some(sighting.asked_at);
                sightings.insert(host.id, sighting);
            }
        }
        tx.keep_snapshots(&news).await?;
        let sightings: Vec<Sighting> = sightings.into_values().collect();
        tx.save(&sightings).await?;
        tx.commit().await?;
        Ok(news.len())
    }
}

fn ask(due: Due, now: Timestamp) -> ProbeAsk {
    ProbeAsk {
        schema: SCHEMA,
        workspace: due.workspace,
        host_id: due.id,
        hostname: due.is.hostname,
        port: due.is.port,
        addresses: due.is.addresses,
        asked_at: now,
        until: now.plus(LOST_AFTER),
    }
}

/// Nothing when a younger ask was answered already, or the host is another workspace's.
fn sighted(host: &LockedHost, look: &ProbeSeen, now: Timestamp) -> Option<Sighting> {
    let stale = host.answered_at.is_some_and(|answered| look.asked_at < answered);
    if stale || host.workspace != look.workspace {
        return None;
    }
    let interval = Duration::from_secs(u64::from(host.is.probe_interval_seconds));
    Some(Sighting {
        host_id: host.id,
        asked_at: look.asked_at,
        seen_at: look.seen_at,
        sight: sight::essence(&look.snapshots).to_string(),
        next_at: sight::next_look(host.id, interval, now),
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

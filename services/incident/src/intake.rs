//! Run events become incidents. An event is acknowledged when what it changes is kept, not before.

use std::collections::HashSet;
use std::time::Duration;

use bus::SystemClock;
use bus::inbox::{Delivery, Inbox};
use bus::panics::caught;
use domain::channel::ChannelKind;
use domain::clock::Clock;
use domain::incident::{Change, Recipient, Remark, Severity};
use domain::{HostId, IncidentId, RunId, Timestamp, WorkspaceId};
use protocol::event::RunEvent;
use store::{Announcement, IncidentTx, RunFacts, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::placement::{MANY, MANY_OF_A_JOB, NEAR, Placement, place};
use crate::triage::{Trouble, given_up, recovery, triage};

/// One reader for all replicas: each event is in the hands of one of them.
pub(crate) const DURABLE: &str = "incident";
/// While Postgres is away, or its schema does not fit, an event is held: given back, it would be lost after its fifth
/// delivery.
const PAUSE: Duration = Duration::from_millis(500);
/// An incident of many hosts tells of its growth no more often than this.
pub(crate) const GROWTH: Duration = Duration::from_secs(60);

/// Of a run that succeeded where several leaves were served by turns.
const WATCHED: &str = "The run has succeeded, but its host served several certificates by turns. This closes by itself after \
                       three looks over ten minutes that see no other certificate.";

/// Keeps what run events tell.
#[derive(Clone)]
pub struct Intake {
    pub store: Store,
    /// How long a notification waits for others that belong to it.
    pub gather: Duration,
    /// Who hears of every incident, beside those whom the policies name.
    pub always_told: Vec<Recipient>,
}

impl Intake {
    /// Takes events until `stop`.
    pub async fn follow(&self, mut inbox: Inbox<RunEvent>, stop: &CancellationToken) {
        while let Some(events) = inbox.next(stop).await {
            self.take(&events, stop).await;
        }
    }

    /// An event that cannot be kept is delivered again.
    async fn take(&self, events: &[Delivery<RunEvent>], stop: &CancellationToken) {
        let all: Vec<&RunEvent> = events.iter().map(|event| &event.value).collect();
        match caught(patiently(stop, || self.troubled(&all))).await {
            Ok(Ok(troubled)) => self.keep_all(events, &troubled, stop).await,
            Ok(Err(error)) => {
                warn!(%error, events = events.len(), "which hosts have trouble cannot be read; their events come again");
            }
            Err(panicked) => match events {
                [one] => one.bury_defect(&panicked).await,
                // One of them it is: the others lose nothing.
                several => {
                    for one in several {
                        Box::pin(self.take(std::slice::from_ref(one), stop)).await;
                    }
                }
            },
        }
    }

    async fn keep_all(&self, events: &[Delivery<RunEvent>], troubled: &HashSet<HostId>, stop: &CancellationToken) {
        for event in events {
            match caught(patiently(stop, || self.keep(&event.value, troubled))).await {
                Ok(Ok(())) => event.ack().await,
                Ok(Err(error)) => {
                    warn!(%error, run = %event.value.run_id, "a run event could not be handled; it comes again");
                }
                Err(panicked) => event.bury_defect(&panicked).await,
            }
        }
    }

    /// The hosts with trouble that is told of, by now or by one of these events.
    async fn troubled(&self, events: &[&RunEvent]) -> Result<HashSet<HostId>, StoreError> {
        let (tell, end): (Vec<&RunEvent>, Vec<&RunEvent>) = events.iter().partition(|event| triage(event).is_some());
        let may_have_recovered: Vec<(WorkspaceId, HostId)> = end
            .iter()
            .map(|event| (event.workspace.clone(), event.host_id))
            .collect();
        let mut troubled = self.store.with_trouble(&may_have_recovered).await?;
        troubled.extend(tell.iter().map(|event| event.host_id));
        Ok(troubled)
    }

    async fn keep(&self, event: &RunEvent, troubled: &HashSet<HostId>) -> Result<(), StoreError> {
        if let Some(trouble) = triage(event) {
            return self.trouble(&trouble).await;
        }
        if !troubled.contains(&event.host_id) {
            return Ok(());
        }
        if let Some(said) = given_up(event) {
            self.given_up(event, &said).await?;
        }
        match recovery(event) {
            Some(run) => self.recovered(event, run).await,
            None => Ok(()),
        }
    }

    async fn trouble(&self, trouble: &Trouble) -> Result<(), StoreError> {
        let member = &trouble.member;
        let mut tx = self.store.incident_tx(&trouble.incident.workspace).await?;
        let Some(facts) = tx.run(member.run_id, member.told_at).await? else {
            // A run that is gone can have no incident, however often the event comes.
            warn!(run = %member.run_id, "an event of a run that we do not know");
            return Ok(());
        };
        let many = if trouble.job.is_some() { MANY_OF_A_JOB } else { MANY };
        let placed = place(&tx.known(member, NEAR).await?, member.told_at, many);
        self.enter(&mut tx, trouble, &facts, &placed).await?;
        if let Some(run) = facts.recovered_by {
            // Its event came before this one, or comes now: the run's row is older than both.
            close_recovered(
                &mut tx,
                member.host_id,
                &succeeded(run, member.told_at.plus(Duration::from_micros(1))),
                self.now(),
            )
            .await?;
        }
        tx.commit().await?;
        info!(run = %member.run_id, host = %member.hostname, ?placed, "trouble");
        Ok(())
    }

    /// Puts the run where it belongs, and tells of it.
    #[expect(clippy::too_many_lines, reason = "one arm for each place of a trouble")]
    async fn enter(
        &self,
        tx: &mut IncidentTx,
        trouble: &Trouble,
        facts: &RunFacts,
        placed: &Placement,
    ) -> Result<(), StoreError> {
        let (member, now) = (&trouble.member, self.now());
        let title = trouble.incident.title.as_str();
        let severity = Severity::judge(member.criticality, facts.expires_at, now);
        let told = self.audience(facts);
        let (soon, word) = (now.plus(self.gather), |note: String| Remark::own(now, note));
        match placed {
            Placement::Old => Ok(()),
            Placement::Alone => {
                let id = trouble.incident.id;
                tx.open(&trouble.incident).await?;
                tx.join(id, member, title, severity).await?;
                let note = word(format!("run {}", member.run_id));
                tx.tell(id, Announcement::new(Change::Opened, &note), &told, soon).await
            }
            Placement::Again(id) => {
                let before = tx.title(*id).await?;
                let reopened = tx.tell_again(*id, member, title).await?;
                let otherwise = instead_of(&before, &tx.title(*id).await?);
                let (change, note) = match (reopened, otherwise.is_empty()) {
                    (true, _) => (
                        Change::Reopened,
                        format!("run {} failed again{otherwise}", member.run_id),
                    ),
                    (false, false) => (
                        Change::Moved,
                        format!("run {} has other trouble now{otherwise}", member.run_id),
                    ),
                    (false, true) => return Ok(()),
                };
                tx.tell(*id, Announcement::new(change, &word(note)), &told, soon).await
            }
            Placement::Attach(id) => {
                let before = tx.title(*id).await?;
                tx.join(*id, member, title, severity).await?;
                let note = format!("run {} of {} failed too", member.run_id, member.hostname);
                let note = word(note + &instead_of(&before, &tx.title(*id).await?));
                tx.tell(*id, Announcement::new(Change::Attached, &note), &told, soon)
                    .await
            }
            Placement::Grow(id) => {
                tx.join(*id, member, title, severity).await?;
                let note = word(format!("{} failed too", member.hostname));
                tx.tell(*id, Announcement::new(Change::Grown, &note), &told, now.plus(GROWTH))
                    .await
            }
            Placement::Fold { into, others } => {
                tx.join(*into, member, title, severity).await?;
                let all: Vec<IncidentId> = others.iter().chain([into]).copied().collect();
                let everyone = together(told, tx.audience(&all).await?);
                let note = word(format!(
                    "{} failed in the same way as other hosts: one cause",
                    member.hostname
                ));
                tx.fold(*into, others, &trouble.of_many(), &note).await?;
                tx.tell(*into, Announcement::new(Change::Grown, &note), &everyone, soon)
                    .await
            }
        }
    }

    /// Its incident stays open: the host was not renewed. Who looks reads that there is nothing to resume.
    async fn given_up(&self, event: &RunEvent, said: &str) -> Result<(), StoreError> {
        let mut tx = self.store.incident_tx(&event.workspace).await?;
        if let Some(incident) = tx.say_of(event.run_id, said).await? {
            let word = Remark::own(self.now(), format!("run {} was cancelled", event.run_id));
            tx.remember(incident, Change::GivenUp, &word).await?;
        }
        tx.commit().await
    }

    async fn recovered(&self, event: &RunEvent, run: RunId) -> Result<(), StoreError> {
        let mut tx = self.store.incident_tx(&event.workspace).await?;
        if tx.is_mixed(event.host_id).await? {
            tx.say_of(run, WATCHED).await?;
        }
        close_recovered(&mut tx, event.host_id, &succeeded(run, event.at), self.now()).await?;
        tx.commit().await
    }

    fn audience(&self, facts: &RunFacts) -> Vec<Recipient> {
        self.everyone(&facts.notify)
    }

    /// These addresses, and whoever always hears.
    pub(crate) fn everyone(&self, notify: &[String]) -> Vec<Recipient> {
        let address = |name: &String| Recipient {
            channel: ChannelKind::Email,
            name: name.clone(),
        };
        let always = self.always_told.iter().cloned();
        notify.iter().map(address).chain(always).collect()
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// Tries while Postgres is away; after a stop, once more.
async fn patiently<T, F>(stop: &CancellationToken, keep: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match keep().await {
            Err(StoreError::Unavailable(why) | StoreError::Faulty(why)) => {
                warn!(%why, "events of runs cannot be kept; trying again");
            }
            ended => return ended,
        }
        if chassis::pause(PAUSE, stop).await.is_none() {
            return keep().await;
        }
    }
}

/// For the history: how an incident was called before, when it is called otherwise now.
fn instead_of(before: &str, now: &str) -> String {
    if before == now {
        String::new()
    } else {
        format!("; before that: {before}")
    }
}

fn together(some: Vec<Recipient>, others: Vec<Recipient>) -> Vec<Recipient> {
    let all: std::collections::BTreeSet<Recipient> = some.into_iter().chain(others).collect();
    all.into_iter().collect()
}

/// How and when a run ended its host's trouble.
fn succeeded(run: RunId, at: Timestamp) -> Remark {
    Remark::own(at, format!("run {run} succeeded"))
}

/// A later run of the host succeeded: what told of trouble before it is over.
async fn close_recovered(
    tx: &mut IncidentTx,
    host: HostId,
    succeeded: &Remark,
    now: Timestamp,
) -> Result<(), StoreError> {
    let word = Remark {
        at: now,
        ..succeeded.clone()
    };
    for incident in tx.close_of_host(host, succeeded).await? {
        close_if_recovered(tx, incident, &word).await?;
    }
    Ok(())
}

/// Closes an incident whose runs are all mended, and tells everyone who heard of it.
pub(crate) async fn close_if_recovered(
    tx: &mut IncidentTx,
    incident: IncidentId,
    word: &Remark,
) -> Result<(), StoreError> {
    if tx.close_if_recovered(incident, word).await? {
        let told = tx.audience(&[incident]).await?;
        tx.tell(incident, Announcement::new(Change::Closed, word), &told, word.at)
            .await?;
        info!(%incident, because = word.note, "an incident is closed");
    }
    Ok(())
}

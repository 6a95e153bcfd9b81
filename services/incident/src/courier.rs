//! Carries the outbox to those who shall hear: claims what is due, writes it out as it is now,
//! delivers, says how it went.
//!
//! In: notifications of the record. Out: mails and signed events. Never: a notification that
//! vanishes; what cannot be delivered keeps its reason in its row.

use std::collections::HashMap;
use std::time::Duration;

use bus::SystemClock;
use bus::panics::{caught, or_next_round};
use domain::channel::ChannelKind;
use domain::clock::Clock;
use domain::incident::Recipient;
use domain::zone::Zone;
use domain::{IncidentId, Timestamp, WorkspaceId};
use store::{Next, Notification, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::bundle::{Parcel, STORM, bundle};
use crate::letter::{LISTED, Subject, about, digest};
use crate::notify::channels::Channels;
use crate::notify::{ChannelError, Letter};
use crate::verdict::{Patience, code, is_of_channel, judge};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Incidents and recipients that are in our hands at once.
const AT_ONCE: i64 = 500;
/// What a process that died had in its hands is delivered by another after this.
const LEASE: Duration = Duration::from_secs(300);
/// No letter is begun that might end after the lease.
const LAST_CALL: Duration = Duration::from_secs(120);

pub struct Courier {
    pub store: Store,
    pub channels: std::sync::Arc<Channels>,
    pub patience: Patience,
    /// Of those who read mails.
    pub zone: Zone,
}

impl Courier {
    /// Delivers until `stop`; the letter in flight is finished then.
    pub async fn run(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = or_next_round(self.round(stop)).await {
                warn!(%error, "the outbox cannot be read or written; trying again");
            }
            if chassis::pause(LOOK_EVERY, stop).await.is_none() {
                return;
            }
        }
    }

    async fn round(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = SystemClock.now();
        let lease = now.plus(LEASE);
        let claimed = self.store.claim_notifications(now, lease, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let recent = self.recent(&claimed, now).await?;
        // A channel that is out of order is not asked again for each letter.
        let mut broken: HashMap<ChannelKind, ChannelError> = HashMap::new();
        for parcel in bundle(claimed, &recent, now) {
            match parcel {
                Parcel::Wait(ids, until) => self.store.put_off_notifications(&ids, until).await?,
                Parcel::Send(news) => {
                    let late = SystemClock.now().plus(LAST_CALL) > lease;
                    if stop.is_cancelled() || late {
                        self.store.put_off_notifications(&ids(&news), now).await?;
                    } else {
                        match caught(self.send(&news, &mut broken)).await {
                            Ok(sent) => sent?,
                            // It would panic again; what is behind it goes on.
                            Err(panicked) => {
                                let refused = ChannelError::Refused(panicked.to_string());
                                self.failed(&news, &refused, SystemClock.now()).await?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn recent(&self, claimed: &[Notification], now: Timestamp) -> Result<HashMap<Recipient, i64>, StoreError> {
        let mut to: Vec<Recipient> = claimed.iter().map(|one| one.to.clone()).collect();
        to.sort();
        to.dedup();
        let minute_ago = now.minus(STORM);
        Ok(self
            .store
            .incidents_told_since(&to, minute_ago)
            .await?
            .into_iter()
            .collect())
    }

    async fn send(
        &self,
        news: &[Notification],
        broken: &mut HashMap<ChannelKind, ChannelError>,
    ) -> Result<(), StoreError> {
        let Some(letter) = self.write(news).await? else {
            return Ok(());
        };
        let delivered = match broken.get(&letter.to.channel) {
            Some(error) => Err(error.clone()),
            None => self.channels.deliver(&letter).await,
        };
        let now = SystemClock.now();
        match delivered {
            Ok(()) => {
                info!(to = letter.to.name, subject = letter.subject, "told");
                self.store.notifications_delivered(&ids(news), now).await
            }
            Err(failed) => {
                self.failed(news, &failed, now).await?;
                if is_of_channel(&failed) {
                    broken.insert(letter.to.channel, failed);
                }
                Ok(())
            }
        }
    }

    async fn failed(&self, news: &[Notification], failed: &ChannelError, now: Timestamp) -> Result<(), StoreError> {
        let said = format!("{}: {failed}", code(failed));
        for one in news {
            let next = judge(failed, one, &self.patience, now);
            let (to, incident) = (&one.to.name, one.incident);
            match next {
                Next::At(again_at) => warn!(to, %incident, %again_at, said, "a notification was not delivered"),
                Next::GivenUp(_) => error!(to, %incident, said, "a notification was given up"),
            }
            self.store.notifications_failed(&[one.id], &said, next).await?;
        }
        Ok(())
    }

    /// The letter as the incidents are now; none when they are gone.
    async fn write(&self, news: &[Notification]) -> Result<Option<Letter>, StoreError> {
        let mut of: Vec<(&WorkspaceId, IncidentId)> = Vec::new();
        for one in news {
            if !of.contains(&(&one.workspace, one.incident)) {
                of.push((&one.workspace, one.incident));
            }
        }
        let mut views = Vec::with_capacity(of.len());
        for (workspace, incident) in &of {
            views.extend(self.store.incident(workspace, *incident).await?);
        }
        if let [(workspace, incident)] = of.as_slice() {
            let members = self.store.incident_members(workspace, *incident, LISTED).await?;
            let letter = views.pop().and_then(|view| about(&Subject { view, members }, news));
            return Ok(letter.map(|letter| letter.told_in(&self.zone)));
        }
        let letter = news.last().map(|last| digest(views, last.id, &last.to));
        Ok(letter.map(|letter| letter.told_in(&self.zone)))
    }
}

fn ids(news: &[Notification]) -> Vec<Uuid> {
    news.iter().map(|one| one.id).collect()
}

//! What is to be told of incidents: an outbox, written with the change itself, claimed by whoever
//! delivers.

use domain::Timestamp;
use domain::channel::ChannelKind;
use domain::ids::{IncidentId, WorkspaceId};
use domain::incident::{Change, Recipient, Remark};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::incidents::IncidentTx;
use crate::rows::{at, from_word, number, text, word};
use crate::{Store, StoreError};

/// A change of an incident, and what is said of it.
#[derive(Debug, Clone, Copy)]
pub struct Announcement<'a> {
    pub change: Change,
    pub word: &'a Remark,
}

impl<'a> Announcement<'a> {
    #[must_use]
    pub fn new(change: Change, word: &'a Remark) -> Self {
        Self { change, word }
    }
}

/// One change of one incident that one recipient shall hear of; in our hands until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: Uuid,
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    pub change: Change,
    pub to: Recipient,
    pub created_at: Timestamp,
    /// Deliveries that failed.
    pub attempts: u32,
}

/// How far the telling of a change has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationView {
    pub change: Change,
    pub to: Recipient,
    pub created_at: Timestamp,
    pub attempts: u32,
    /// When it is tried next, if it still is.
    pub due_at: Timestamp,
    pub last_error: Option<String>,
    pub delivered_at: Option<Timestamp>,
    pub given_up_at: Option<Timestamp>,
}

/// What becomes of a notification that could not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    At(Timestamp),
    GivenUp(Timestamp),
}

impl IncidentTx {
    /// Writes a change into the incident's history and into the outbox of those who shall hear of
    /// it. What waits there already tells of this too: it is written out when it is sent.
    pub async fn tell(
        &mut self,
        id: IncidentId,
        announcement: Announcement<'_>,
        to: &[Recipient],
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Announcement { change, word } = announcement;
        self.remember(id, change, word).await?;
        for recipient in to {
            if !self.waits_already(id, change, recipient).await? {
                self.enqueue(id, announcement, recipient, due_at).await?;
            }
        }
        Ok(())
    }

    /// Takes the row for the length of this transaction, so that no other replica sends it before
    /// we have committed.
    async fn waits_already(&mut self, id: IncidentId, change: Change, to: &Recipient) -> Result<bool, StoreError> {
        let touched = sqlx::query!(
            "update notifications set change = change
             where incident_id = $1 and change = $2 and channel = $3 and recipient = $4
               and delivered_at is null and given_up_at is null and leased_until is null",
            id.get(),
            change.as_str(),
            to.channel.as_str(),
            to.name,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(touched.rows_affected() > 0)
    }

    async fn enqueue(
        &mut self,
        id: IncidentId,
        announcement: Announcement<'_>,
        to: &Recipient,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into notifications (id, workspace, incident_id, change, channel, recipient, created_at, due_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            Uuid::now_v7(),
            self.workspace.as_str(),
            id.get(),
            announcement.change.as_str(),
            to.channel.as_str(),
            to.name,
            announcement.word.at.get(),
            due_at.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Everyone who was or is to be told of these incidents.
    pub async fn audience(&mut self, incidents: &[IncidentId]) -> Result<Vec<Recipient>, StoreError> {
        let ids: Vec<Uuid> = incidents.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            "select distinct channel, recipient from notifications
             where workspace = $1 and incident_id = any($2) order by channel, recipient",
            self.workspace.as_str(),
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter()
            .map(|row| {
                recipient(row.channel, row.recipient).map_err(|why| StoreError::corrupt("notifications", "", why))
            })
            .collect()
    }

    /// What was not told of these incidents is not told any more: another one tells of their runs.
    pub(crate) async fn drop_untold(&mut self, incidents: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from notifications where workspace = $1 and incident_id = any($2)
               and delivered_at is null and given_up_at is null and leased_until is null",
            self.workspace.as_str(),
            incidents,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

fn recipient(channel: String, name: String) -> Result<Recipient, String> {
    let channel: ChannelKind = from_word(channel)?;
    Ok(Recipient { channel, name })
}

impl Store {
    /// Takes what is due into our hands until `until`, with everything else that waits for the same
    /// recipient about the same incident.
    pub async fn claim_notifications(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let rows = sqlx::query!(
            r#"with due as (
                   select distinct incident_id, channel, recipient from notifications
                   where delivered_at is null and given_up_at is null and due_at <= $1
                     and (leased_until is null or leased_until <= $1)
                   limit $3),
               taken as (
                   select n.id from notifications n join due using (incident_id, channel, recipient)
                   where n.delivered_at is null and n.given_up_at is null
                     and (n.leased_until is null or n.leased_until <= $1)
                   order by n.id for update of n skip locked)
               update notifications n set leased_until = $2 from taken where n.id = taken.id
               returning n.id, n.workspace, n.incident_id, n.change, n.channel, n.recipient, n.created_at, n.attempts"#,
            now.get(),
            until.get(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let corrupt = |why: String| StoreError::corrupt("notifications", row.id, why);
            claimed.push(Notification {
                id: row.id,
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                incident: IncidentId::from_uuid(row.incident_id),
                change: from_word(row.change).map_err(corrupt)?,
                to: recipient(row.channel, row.recipient).map_err(corrupt)?,
                created_at: at(row.created_at),
                attempts: number(row.attempts).map_err(corrupt)?,
            });
        }
        claimed.sort_by_key(|notification| notification.id);
        Ok(claimed)
    }

    /// Of how many incidents each of these was or is to be told since then.
    pub async fn incidents_told_since(
        &self,
        recipients: &[Recipient],
        since: Timestamp,
    ) -> Result<Vec<(Recipient, i64)>, StoreError> {
        let channels: Vec<String> = recipients.iter().map(|to| word(to.channel)).collect();
        let names: Vec<String> = recipients.iter().map(|to| to.name.clone()).collect();
        let rows = sqlx::query!(
            r#"select n.channel, n.recipient, count(distinct n.incident_id) as "incidents!"
               from notifications n join unnest($1::text[], $2::text[]) as u (channel, recipient)
                 on n.channel = u.channel and n.recipient = u.recipient
               where n.created_at > $3 group by n.channel, n.recipient"#,
            &channels,
            &names,
            since.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        let counts = rows.into_iter().map(|row| {
            let to = recipient(row.channel, row.recipient);
            Ok((
                to.map_err(|why| StoreError::corrupt("notifications", "", why))?,
                row.incidents,
            ))
        });
        counts.collect()
    }

    pub async fn notifications_delivered(&self, ids: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "update notifications set delivered_at = $2, leased_until = null where id = any($1)",
            ids,
            now.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Counts a failed delivery.
    pub async fn notifications_failed(&self, ids: &[Uuid], error: &str, next: Next) -> Result<(), StoreError> {
        let (due_at, given_up_at) = match next {
            Next::At(then) => (Some(then.get()), None),
            Next::GivenUp(now) => (None, Some(now.get())),
        };
        sqlx::query!(
            "update notifications
             set attempts = attempts + 1, last_error = $2, due_at = coalesce($3, due_at), given_up_at = $4,
                 leased_until = null
             where id = any($1) and delivered_at is null",
            ids,
            text(error),
            due_at as Option<OffsetDateTime>,
            given_up_at as Option<OffsetDateTime>,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Out of our hands, untried, until then.
    pub async fn put_off_notifications(&self, ids: &[Uuid], until: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "update notifications set due_at = $2, leased_until = null where id = any($1) and delivered_at is null",
            ids,
            until.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What is told of an incident, the oldest first.
    pub async fn notifications_of(
        &self,
        workspace: &WorkspaceId,
        incident: IncidentId,
    ) -> Result<Vec<NotificationView>, StoreError> {
        let rows = sqlx::query!(
            "select id, change, channel, recipient, created_at, attempts, due_at, last_error, delivered_at, given_up_at
             from notifications where workspace = $1 and incident_id = $2 order by id",
            workspace.as_str(),
            incident.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("notifications", row.id, why);
            Ok(NotificationView {
                change: from_word(row.change).map_err(corrupt)?,
                to: recipient(row.channel, row.recipient).map_err(corrupt)?,
                created_at: at(row.created_at),
                attempts: number(row.attempts).map_err(corrupt)?,
                due_at: at(row.due_at),
                last_error: row.last_error,
                delivered_at: row.delivered_at.map(at),
                given_up_at: row.given_up_at.map(at),
            })
        });
        views.collect()
    }

    /// How many notifications wait after a failed delivery, in all workspaces.
    pub async fn notifications_failing(&self) -> Result<i64, StoreError> {
        let failing = sqlx::query_scalar!(
            r#"select count(*) as "n!" from notifications
               where delivered_at is null and given_up_at is null and last_error is not null"#
        );
        Ok(failing.fetch_one(&self.pool).await?)
    }
}

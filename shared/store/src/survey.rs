//! When hosts are looked at, and what the last look came to. The survey's columns of `hosts`.

use domain::Timestamp;
use domain::host::NewHost;
use domain::ids::{HostId, WorkspaceId};
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::exactly;
use crate::ledger::SnapshotRow;
use crate::rows::{at, from_json};
use crate::{Store, StoreError, snapshots};

/// A host whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: HostId,
    pub workspace: WorkspaceId,
    pub is: NewHost,
}

/// A locked host, as the last look left it.
#[derive(Debug, Clone)]
pub struct LockedHost {
    pub id: HostId,
    pub workspace: WorkspaceId,
    pub is: NewHost,
    /// When the newest look that was answered had been asked for.
    pub answered_at: Option<Timestamp>,
    /// `domain::sight::essence` of it.
    pub sight: Option<String>,
}

/// What a look came to.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub host_id: HostId,
    pub asked_at: Timestamp,
    pub seen_at: Timestamp,
    pub sight: String,
    pub next_at: Timestamp,
}

struct Row {
    id: Uuid,
    workspace: String,
    says: Value,
}

impl TryFrom<Row> for Due {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("hosts", row.id, why);
        Ok(Self {
            id: HostId::from_uuid(row.id),
            workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
            is: from_json(row.says).map_err(corrupt)?,
        })
    }
}

impl Store {
    /// Takes hosts that are due, the longest due first, as many as the window still has room for. They are due again at
    /// `until`, whether or not anybody answers; an ask from before `lost` does not count as out any more.
    pub async fn claim_due(
        &self,
        window: i64,
        (lost, now, until): (Timestamp, Timestamp, Timestamp),
    ) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "with due as (
               select id from hosts where next_probe_at <= $1 order by next_probe_at
               limit greatest(0, $2 - (select count(*) from hosts where probe_asked_at > $3))
               for no key update skip locked)
             update hosts h set next_probe_at = $4, probe_asked_at = $1 from due where h.id = due.id
             returning h.id, h.workspace, h.says",
            now.get(),
            window,
            lost.get(),
            until.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Due::try_from).collect()
    }

    /// Takes these hosts now, whenever they are due; names that are no hosts of the workspace are left out.
    pub async fn claim_named(
        &self,
        (workspace, hostnames): (&WorkspaceId, &[String]),
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "with named as (
               select id from hosts where workspace = $1 and hostname = any($2) order by id for no key update)
             update hosts h set next_probe_at = $4, probe_asked_at = $3 from named where h.id = named.id
             returning h.id, h.workspace, h.says",
            workspace.as_str(),
            hostnames,
            now.get(),
            until.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Due::try_from).collect()
    }

    pub async fn survey(&self) -> Result<SurveyTx, StoreError> {
        let tx = self.pool.begin().await?;
        Ok(SurveyTx { tx })
    }
}

/// The survey's transaction: hosts locked, snapshots and sightings written.
pub struct SurveyTx {
    tx: Transaction<'static, Postgres>,
}

impl SurveyTx {
    /// Locks these hosts in the order of their ids.
    pub async fn load(&mut self, hosts: &[HostId]) -> Result<Vec<LockedHost>, StoreError> {
        let ids: Vec<Uuid> = hosts.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            "select id, workspace, says, probe_answered_at, last_sight
             from hosts where id = any($1) order by id for no key update",
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let watched = rows.into_iter().map(|row| {
            let due = Due::try_from(Row {
                id: row.id,
                workspace: row.workspace,
                says: row.says,
            })?;
            Ok(LockedHost {
                id: due.id,
                workspace: due.workspace,
                is: due.is,
                answered_at: row.probe_answered_at.map(at),
                sight: row.last_sight,
            })
        });
        watched.collect()
    }

    pub async fn keep_snapshots(&mut self, rows: &[SnapshotRow]) -> Result<(), StoreError> {
        snapshots::keep(&mut self.tx, rows).await
    }

    /// Writes down what these locked hosts looked like. An ask that is younger than the answer stays out.
    pub async fn save(&mut self, sightings: &[Sighting]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = sightings.iter().map(|one| one.host_id.get()).collect();
        let of = |pick: fn(&Sighting) -> Timestamp| -> Vec<OffsetDateTime> {
            sightings.iter().map(|one| pick(one).get()).collect()
        };
        let sights: Vec<String> = sightings.iter().map(|one| one.sight.clone()).collect();
        let saved = sqlx::query!(
            "update hosts h
             set probe_answered_at = u.asked_at, last_seen_at = u.seen_at, last_sight = u.sight,
                 next_probe_at = case when h.probe_asked_at > u.asked_at then h.next_probe_at else u.next_at end,
                 probe_asked_at = case when h.probe_asked_at > u.asked_at then h.probe_asked_at end
             from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::timestamptz[])
                  as u (id, asked_at, seen_at, sight, next_at)
             where h.id = u.id",
            &ids,
            &of(|one| one.asked_at),
            &of(|one| one.seen_at),
            &sights,
            &of(|one| one.next_at),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("save sightings", ids.len(), saved.rows_affected())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

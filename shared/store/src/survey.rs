//! When hosts are looked at, and what the last look came to. The survey's columns of `hosts`.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use domain::Timestamp;
use domain::certificate::Fingerprint;
use domain::host::NewHost;
use domain::ids::{HostId, WorkspaceId};
use domain::observation::Steadiness;
use domain::observation::trouble::Standing;
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ask_window::AskWindow;
use crate::error::exactly;
use crate::rows::{at, from_json, json};
use crate::snapshot_row::SnapshotRow;
use crate::{LedgerTx, Store, StoreError, snapshots};

/// A host whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: HostId,
    pub workspace: WorkspaceId,
    pub spec: NewHost,
    /// It served several leaves at one address, and has not been steady since.
    pub is_mixed: bool,
    /// The address and the leaf of each snapshot of the newest look.
    pub last: Vec<(SocketAddr, Fingerprint)>,
}

/// A locked host, as the last look left it.
#[derive(Debug, Clone)]
pub struct LockedHost {
    pub id: HostId,
    pub workspace: WorkspaceId,
    pub spec: NewHost,
    /// When the newest look that was answered had been asked for.
    pub answered_at: Option<Timestamp>,
    /// `domain::observation::digest` of it.
    pub digest: Option<String>,
    pub steadiness: Steadiness,
    pub standing: Standing,
}

/// What a look came to.
#[derive(Debug, Clone)]
pub struct Observation {
    pub host_id: HostId,
    pub asked_at: Timestamp,
    pub seen_at: Timestamp,
    pub digest: String,
    pub steadiness: Steadiness,
    pub standing: Standing,
    pub next_at: Timestamp,
}

/// What is known of the newest look at a host.
#[derive(Debug, Clone, Default)]
pub struct HostLook {
    /// A look is out since then.
    pub asked_at: Option<Timestamp>,
    /// When the newest look that was answered had been asked for.
    pub answered_at: Option<Timestamp>,
    /// When the first of the certificates ends that it saw; nothing when it saw none.
    pub served_until: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    workspace: String,
    says: Value,
    is_mixed: bool,
    last: Value,
}

impl TryFrom<Row> for Due {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("hosts", row.id, why);
        Ok(Self {
            id: HostId::from_uuid(row.id),
            workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
            spec: from_json(row.says).map_err(corrupt)?,
            is_mixed: row.is_mixed,
            last: from_json(row.last).map_err(corrupt)?,
        })
    }
}

impl Store {
    /// Takes hosts that are due, the longest due first, as many as the window still has room for. They are due again at
    /// `until`, whether or not anybody answers.
    pub async fn claim_due(&self, window: AskWindow, now: Timestamp, until: Timestamp) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"with due as (
               select id from hosts where next_probe_at <= $1 order by next_probe_at
               limit greatest(0, $2 - (select count(*) from hosts where probe_asked_at > $3))
               for no key update skip locked)
             update hosts h set next_probe_at = $4, probe_asked_at = $1 from due where h.id = due.id
             returning h.id, h.workspace, h.says, h.mixed_at is not null as "is_mixed!",
                       (select coalesce(jsonb_agg(jsonb_build_array(s.dialled, s.fingerprint)), '[]')
                        from snapshots s where s.host_id = h.id and s.fingerprint is not null
                          and s.taken_at = (select max(taken_at) from snapshots where host_id = h.id)) as "last!""#,
            now.get(),
            window.most,
            window.lost.get(),
            until.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Due::try_from).collect()
    }

    /// Takes these hosts now, whenever they are due; names that are no hosts of the workspace are left out.
    pub async fn claim_named(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[String],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"with named as (
               select id from hosts where workspace = $1 and hostname = any($2) order by id for no key update)
             update hosts h set next_probe_at = $4, probe_asked_at = $3 from named where h.id = named.id
             returning h.id, h.workspace, h.says, h.mixed_at is not null as "is_mixed!",
                       (select coalesce(jsonb_agg(jsonb_build_array(s.dialled, s.fingerprint)), '[]')
                        from snapshots s where s.host_id = h.id and s.fingerprint is not null
                          and s.taken_at = (select max(taken_at) from snapshots where host_id = h.id)) as "last!""#,
            workspace.as_str(),
            hostnames,
            now.get(),
            until.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Due::try_from).collect()
    }

    /// Takes these hosts now, whenever they are due, as many as the window still has room for.
    pub async fn claim_hosts(
        &self,
        hosts: &[HostId],
        window: AskWindow,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Due>, StoreError> {
        let ids: Vec<Uuid> = hosts.iter().map(|id| id.get()).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"with named as (
               select id from hosts where id = any($1) order by id
               limit greatest(0, $2 - (select count(*) from hosts where probe_asked_at > $3))
               for no key update skip locked)
             update hosts h set next_probe_at = $5, probe_asked_at = $4 from named where h.id = named.id
             returning h.id, h.workspace, h.says, h.mixed_at is not null as "is_mixed!",
                       (select coalesce(jsonb_agg(jsonb_build_array(s.dialled, s.fingerprint)), '[]')
                        from snapshots s where s.host_id = h.id and s.fingerprint is not null
                          and s.taken_at = (select max(taken_at) from snapshots where host_id = h.id)) as "last!""#,
            &ids,
            window.most,
            window.lost.get(),
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

impl LedgerTx {
    /// The newest looks at these hosts, and how many looks are out that were asked for after `lost`.
    pub async fn looks(
        &mut self,
        hosts: &[HostId],
        lost: Timestamp,
    ) -> Result<(HashMap<HostId, HostLook>, i64), StoreError> {
        let ids: Vec<Uuid> = hosts.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            r#"select h.id, h.probe_asked_at, h.probe_answered_at,
                      (select min(s.not_after) from snapshots s
                       where s.host_id = h.id
                         and s.taken_at = (select max(n.taken_at) from snapshots n where n.host_id = h.id)) as served_until
               from hosts h where h.id = any($1)"#,
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let out = sqlx::query_scalar!(
            r#"select count(*) as "out!" from hosts where probe_asked_at > $1"#,
            lost.get()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let looks = rows.into_iter().map(|row| {
            let look = HostLook {
                asked_at: row.probe_asked_at.map(at),
                answered_at: row.probe_answered_at.map(at),
                served_until: row.served_until.map(at),
            };
            (HostId::from_uuid(row.id), look)
        });
        Ok((looks.collect(), out))
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
            "select id, workspace, says, probe_answered_at, last_sight, mixed_at, steady_since, steady_looks, has_served,
                    was_trusted, troubles
             from hosts where id = any($1) order by id for no key update",
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let watched = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("hosts", row.id, why);
            Ok(LockedHost {
                id: HostId::from_uuid(row.id),
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                spec: from_json(row.says).map_err(corrupt)?,
                answered_at: row.probe_answered_at.map(at),
                digest: row.last_sight,
                steadiness: Steadiness {
                    mixed_at: row.mixed_at.map(at),
                    since: row.steady_since.map(at),
                    looks: u32::try_from(row.steady_looks).unwrap_or_default(),
                },
                standing: Standing {
                    has_served: row.has_served,
                    was_trusted: row.was_trusted,
                    troubles: row
                        .troubles
                        .map_or_else(|| Ok(BTreeMap::new()), from_json)
                        .map_err(corrupt)?,
                },
            })
        });
        watched.collect()
    }

    pub async fn keep_snapshots(&mut self, rows: &[SnapshotRow]) -> Result<(), StoreError> {
        snapshots::keep(&mut self.tx, rows).await
    }

    /// Writes down what these locked hosts looked like. An ask that is younger than the answer stays out.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn save(&mut self, observations: &[Observation]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = observations.iter().map(|one| one.host_id.get()).collect();
        let of = |pick: fn(&Observation) -> Timestamp| -> Vec<OffsetDateTime> {
            observations.iter().map(|one| pick(one).get()).collect()
        };
        let maybe = |pick: fn(&Observation) -> Option<Timestamp>| -> Vec<Option<OffsetDateTime>> {
            observations.iter().map(|one| pick(one).map(Timestamp::get)).collect()
        };
        let looks: Vec<i32> = observations
            .iter()
            .map(|one| i32::try_from(one.steadiness.looks).unwrap_or(i32::MAX))
            .collect();
        let digests: Vec<String> = observations.iter().map(|one| one.digest.clone()).collect();
        let standing =
            |pick: fn(&Standing) -> bool| -> Vec<bool> { observations.iter().map(|one| pick(&one.standing)).collect() };
        let troubles = observations.iter().map(|one| &one.standing.troubles);
        let troubles = troubles.map(|all| if all.is_empty() { Ok(None) } else { json(all).map(Some) });
        let troubles: Vec<Option<Value>> = troubles.collect::<Result<_, _>>()?;
        let saved = sqlx::query!(
            "update hosts h
             set has_served = u.has_served, was_trusted = u.was_trusted, troubles = u.troubles, probe_answered_at = u.asked_at, last_seen_at = u.seen_at, last_sight = u.sight,
                 mixed_at = u.mixed_at, steady_since = u.steady_since, steady_looks = u.steady_looks,
                 next_probe_at = case when h.probe_asked_at > u.asked_at then h.next_probe_at else u.next_at end,
                 probe_asked_at = case when h.probe_asked_at > u.asked_at then h.probe_asked_at end
             from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::timestamptz[],
                         $6::timestamptz[], $7::timestamptz[], $8::int[], $9::boolean[], $10::boolean[], $11::jsonb[])
                  as u (id, asked_at, seen_at, sight, next_at, mixed_at, steady_since, steady_looks, has_served,
                        was_trusted, troubles)
             where h.id = u.id",
            &ids,
            &of(|one| one.asked_at),
            &of(|one| one.seen_at),
            &digests,
            &of(|one| one.next_at),
            &maybe(|one| one.steadiness.mixed_at) as &[Option<OffsetDateTime>],
            &maybe(|one| one.steadiness.since) as &[Option<OffsetDateTime>],
            &looks,
            &standing(|one| one.has_served),
            &standing(|one| one.was_trusted),
            &troubles as &[Option<Value>],
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("save sightings", ids.len(), saved.rows_affected())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

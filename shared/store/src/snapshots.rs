//! What probes saw: immutable, newest first.

use std::collections::HashSet;

use domain::Timestamp;
use domain::certificate::Snapshot;
use domain::ids::{HostId, RunId, WorkspaceId};
use domain::observation::CLOSER;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::Jsonb;
use crate::snapshot_row::SnapshotRow;
use crate::{Store, StoreError, renewal_info};

pub(crate) async fn keep(db: &mut PgConnection, rows: &[SnapshotRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.snapshot.id.get()).collect();
    let workspaces: Vec<String> = rows.iter().map(|row| row.workspace.to_string()).collect();
    let hosts: Vec<Uuid> = rows.iter().map(|row| row.host_id.get()).collect();
    let runs: Vec<Option<Uuid>> = rows.iter().map(|row| row.run_id.map(RunId::get)).collect();
    let dialled: Vec<String> = rows.iter().map(|row| row.snapshot.dialled.to_string()).collect();
    let taken: Vec<OffsetDateTime> = rows.iter().map(|row| row.snapshot.taken_at.get()).collect();
    let fingerprints: Vec<Option<String>> = rows.iter().map(SnapshotRow::fingerprint).collect();
    let ends: Vec<Option<OffsetDateTime>> = rows.iter().map(SnapshotRow::not_after).collect();
    let seen: Vec<Jsonb<&Snapshot>> = rows.iter().map(|row| Jsonb(&row.snapshot)).collect();
    sqlx::query!(
        "insert into snapshots (id, workspace, host_id, run_id, dialled, taken_at, fingerprint, not_after, seen)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[],
                              $7::text[], $8::timestamptz[], $9::jsonb[])
         on conflict (id) do nothing",
        &ids,
        &workspaces,
        &hosts,
        &runs as &[Option<Uuid>],
        &dialled,
        &taken,
        &fingerprints as &[Option<String>],
        &ends as &[Option<OffsetDateTime>],
        &seen as &[Jsonb<&Snapshot>],
    )
    .execute(&mut *db)
    .await?;
    watch_mixed(db, rows).await?;
    renewal_info::keep_seen(db, rows).await
}

/// A host that serves several leaves by turns is looked at again soon, and every look counts anew
/// from here.
async fn watch_mixed(db: &mut PgConnection, rows: &[SnapshotRow]) -> Result<(), StoreError> {
    let mixed = || rows.iter().filter(|row| row.snapshot.is_mixed());
    let Some(seen_at) = mixed().map(|row| row.snapshot.taken_at).max() else {
        return Ok(());
    };
    let hosts: Vec<Uuid> = mixed().map(|row| row.host_id.get()).collect();
    sqlx::query!(
        "with mixed as (select id from hosts where id = any($1) order by id for no key update)
         update hosts h set mixed_at = greatest(h.mixed_at, $2), steady_since = null, steady_looks = 0,
                            next_probe_at = least(h.next_probe_at, $3)
         from mixed where h.id = mixed.id",
        &hosts,
        seen_at.get(),
        seen_at.plus(CLOSER).get(),
    )
    .execute(&mut *db)
    .await?;
    Ok(())
}

/// Which of these hosts serve several leaves by turns, and have not been steady since.
pub(crate) async fn mixed(db: &mut PgConnection, hosts: &[HostId]) -> Result<HashSet<HostId>, StoreError> {
    let ids: Vec<Uuid> = hosts.iter().map(|host| host.get()).collect();
    let found = sqlx::query_scalar!("select id from hosts where mixed_at is not null and id = any($1)", &ids);
    let found = found.fetch_all(&mut *db).await?;
    Ok(found.into_iter().map(HostId::from_uuid).collect())
}

impl Store {
    /// The snapshots of a host, newest first, as they were stored.
    pub async fn snapshots(&self, workspace: &WorkspaceId, host: HostId, limit: i64) -> Result<Vec<Value>, StoreError> {
        let rows = sqlx::query_scalar!(
            "select seen from snapshots where workspace = $1 and host_id = $2 order by taken_at desc limit $3",
            workspace.as_str(),
            host.get(),
            limit,
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Those of the newest look at a host, one for each address.
    pub async fn newest_look(&self, workspace: &WorkspaceId, host: HostId) -> Result<Vec<Value>, StoreError> {
        let rows = sqlx::query_scalar!(
            "select seen from snapshots where workspace = $1 and host_id = $2
               and taken_at = (select max(taken_at) from snapshots where host_id = $2)
             order by dialled",
            workspace.as_str(),
            host.get(),
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Deletes up to `most` superseded snapshots; gives back how many. What is last known of a host
    /// stays, whatever its age: its newest snapshot, and the newest that shows a certificate. So
    /// does what a run that has not ended took.
    pub async fn forget_snapshots(&self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let deleted = sqlx::query!(
            "delete from snapshots where id in (
               select s.id from snapshots s
               where s.taken_at < $1
                 and exists (select 1 from snapshots n where n.host_id = s.host_id and n.taken_at > s.taken_at)
                 and (s.not_after is null
                      or exists (select 1 from snapshots n where n.host_id = s.host_id and n.taken_at > s.taken_at
                                                             and n.not_after is not null))
                 and not exists (select 1 from runs r where r.id = s.run_id and r.phase <> 'ended')
               order by s.taken_at limit $2 for update skip locked)",
            before.get(),
            most,
        );
        Ok(deleted.execute(&self.pool).await?.rows_affected())
    }
}

//! What probes saw: immutable, newest first.

use domain::ids::{HostId, WorkspaceId};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ledger::SnapshotRow;
use crate::rows::json;
use crate::{Store, StoreError};

pub(crate) async fn keep(db: &mut PgConnection, rows: &[SnapshotRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.snapshot.id.get()).collect();
    let workspaces: Vec<String> = rows.iter().map(|row| row.workspace.to_string()).collect();
    let hosts: Vec<Uuid> = rows.iter().map(|row| row.host_id.get()).collect();
    let runs: Vec<Uuid> = rows.iter().map(|row| row.run_id.get()).collect();
    let dialled: Vec<String> = rows.iter().map(|row| row.snapshot.dialled.to_string()).collect();
    let taken: Vec<OffsetDateTime> = rows.iter().map(|row| row.snapshot.taken_at.get()).collect();
    let fingerprints: Vec<Option<String>> = rows.iter().map(SnapshotRow::fingerprint).collect();
    let ends: Vec<Option<OffsetDateTime>> = rows.iter().map(SnapshotRow::not_after).collect();
    let seen = rows
        .iter()
        .map(|row| json(&row.snapshot))
        .collect::<Result<Vec<Value>, StoreError>>()?;
    sqlx::query!(
        "insert into snapshots (id, workspace, host_id, run_id, dialled, taken_at, fingerprint, not_after, seen)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[],
                              $7::text[], $8::timestamptz[], $9::jsonb[])
         on conflict (id) do nothing",
        &ids,
        &workspaces,
        &hosts,
        &runs,
        &dialled,
        &taken,
        &fingerprints as &[Option<String>],
        &ends as &[Option<OffsetDateTime>],
        &seen,
    )
    .execute(db)
    .await?;
    Ok(())
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
}

//! Hosts, and what the last probe saw of them.

use domain::clock::Timestamp;
use domain::host::{Host, NewHost};
use domain::ids::{HostId, WorkspaceId};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{at, from_json, json, word};
use crate::{Store, StoreError};

/// A host with its newest snapshot and the status of its newest run.
#[derive(Debug, Clone)]
pub struct HostView {
    pub host: Host,
    /// `domain::certificate::Snapshot` as it was stored.
    pub snapshot: Option<Value>,
    pub run_status: Option<String>,
    /// The newest look, whatever it saw.
    pub last_seen_at: Option<Timestamp>,
    /// When the newest look that was answered had been asked for.
    pub answered_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    workspace: String,
    says: Value,
    created_at: OffsetDateTime,
    snapshot: Option<Value>,
    run_status: Option<String>,
    last_seen_at: Option<OffsetDateTime>,
    answered_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for HostView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("hosts", row.id, why);
        let host = Host {
            id: HostId::from_uuid(row.id),
            workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
            spec: from_json(row.says).map_err(corrupt)?,
            created_at: at(row.created_at),
        };
        Ok(Self {
            host,
            snapshot: row.snapshot,
            run_status: row.run_status,
            last_seen_at: row.last_seen_at.map(at),
            answered_at: row.answered_at.map(at),
        })
    }
}

impl Store {
    /// Adds a host; `Duplicate` when the workspace has one of that name.
    pub async fn add_host(&self, workspace: &WorkspaceId, new: &NewHost, now: Timestamp) -> Result<Host, StoreError> {
        let host = Host {
            id: HostId::new(),
            workspace: workspace.clone(),
            spec: new.clone(),
            created_at: now,
        };
        sqlx::query!(
            "insert into hosts (id, workspace, hostname, port, criticality, environment, says, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            host.id.get(),
            workspace.as_str(),
            new.hostname.as_str(),
            i32::from(new.port),
            word(new.criticality),
            new.environment,
            json(new)?,
            now.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(host)
    }

    /// Adds what is new in one statement; gives back the names that were added. The others exist already.
    pub async fn add_hosts(
        &self,
        workspace: &WorkspaceId,
        new: &[NewHost],
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let ids: Vec<Uuid> = new.iter().map(|_| HostId::new().get()).collect();
        let names: Vec<String> = new.iter().map(|host| host.hostname.to_string()).collect();
        let ports: Vec<i32> = new.iter().map(|host| i32::from(host.port)).collect();
        let criticality: Vec<String> = new.iter().map(|host| word(host.criticality)).collect();
        let environments: Vec<String> = new.iter().map(|host| host.environment.clone()).collect();
        let says = new.iter().map(json).collect::<Result<Vec<Value>, StoreError>>()?;
        let added = sqlx::query_scalar!(
            "insert into hosts (id, workspace, hostname, port, criticality, environment, says, created_at)
             select id, $2, hostname, port, criticality, environment, says, $8
             from unnest($1::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::jsonb[])
                  as new (id, hostname, port, criticality, environment, says)
             on conflict (workspace, hostname) do nothing
             returning hostname",
            &ids,
            workspace.as_str(),
            &names,
            &ports,
            &criticality,
            &environments,
            &says,
            now.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(added)
    }

    /// Hosts by name, those behind `after`.
    pub async fn hosts(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<HostView>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select h.id, h.workspace, h.says, h.created_at, s.seen as "snapshot?", r.status as "run_status?",
                      greatest(h.last_seen_at, s.taken_at) as last_seen_at, h.probe_answered_at as answered_at
               from hosts h
               left join lateral (select seen, taken_at from snapshots where host_id = h.id
                                  order by taken_at desc, not_after nulls first limit 1) s on true
               left join lateral (select status from runs where host_id = h.id order by id desc limit 1) r on true
               where h.workspace = $1 and h.hostname > coalesce($2, '')
               order by h.hostname limit $3"#,
            workspace.as_str(),
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(HostView::try_from).collect()
    }

    /// One host, by its id or by its name.
    pub async fn host(
        &self,
        workspace: &WorkspaceId,
        id: Option<HostId>,
        hostname: Option<&str>,
    ) -> Result<Option<HostView>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"select h.id, h.workspace, h.says, h.created_at, s.seen as "snapshot?", r.status as "run_status?",
                      greatest(h.last_seen_at, s.taken_at) as last_seen_at, h.probe_answered_at as answered_at
               from hosts h
               left join lateral (select seen, taken_at from snapshots where host_id = h.id
                                  order by taken_at desc, not_after nulls first limit 1) s on true
               left join lateral (select status from runs where host_id = h.id order by id desc limit 1) r on true
               where h.workspace = $1 and (h.id = $2 or h.hostname = $3)"#,
            workspace.as_str(),
            id.map(HostId::get),
            hostname,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(HostView::try_from).transpose()
    }

    /// Which of these names are hosts of the workspace.
    pub async fn host_ids(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[String],
    ) -> Result<Vec<(String, HostId)>, StoreError> {
        let rows = sqlx::query!(
            "select hostname, id from hosts where workspace = $1 and hostname = any($2)",
            workspace.as_str(),
            hostnames,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.hostname, HostId::from_uuid(row.id)))
            .collect())
    }

    pub async fn count_hosts(&self, workspace: &WorkspaceId) -> Result<i64, StoreError> {
        let found = sqlx::query_scalar!(
            r#"select count(*) as "n!" from hosts where workspace = $1"#,
            workspace.as_str()
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// Of all workspaces.
    pub async fn count_all_hosts(&self) -> Result<u64, StoreError> {
        let counted = sqlx::query_scalar!(r#"select count(*) as "n!" from hosts"#);
        Ok(u64::try_from(counted.fetch_one(&self.pool).await?).unwrap_or(0))
    }

    pub async fn has_host(&self, workspace: &WorkspaceId, host: HostId) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select 1 from hosts where workspace = $1 and id = $2) as "found!""#,
            workspace.as_str(),
            host.get(),
        );
        Ok(found.fetch_one(&self.pool).await?)
    }
}

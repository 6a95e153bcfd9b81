//! Incidents: at most one per run, whatever is delivered twice.

use domain::ids::{HostId, IncidentId, RunId, WorkspaceId};
use domain::incident::Incident;
use uuid::Uuid;

use crate::rows::{at, from_word, word};
use crate::{Store, StoreError};

impl Store {
    /// Opens it, unless its run has one. Says whether it was opened.
    pub async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        let opened = sqlx::query!(
            "insert into incidents (id, workspace, host_id, run_id, hostname, severity, title, detail, opened_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (run_id) do nothing",
            incident.id.get(),
            incident.workspace.as_str(),
            incident.host_id.get(),
            incident.run_id.get(),
            incident.hostname.as_str(),
            word(incident.severity),
            incident.title,
            incident.detail,
            incident.opened_at.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(opened.rows_affected() == 1)
    }

    /// Newest first, those before `before`.
    pub async fn incidents(
        &self,
        workspace: &WorkspaceId,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Incident>, StoreError> {
        let rows = sqlx::query!(
            r#"select id, workspace, host_id, run_id, hostname, severity, title, detail, opened_at from incidents
               where workspace = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
            workspace.as_str(),
            before,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let incidents = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("incidents", row.id, why);
            Ok(Incident {
                id: IncidentId::from_uuid(row.id),
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                host_id: HostId::from_uuid(row.host_id),
                run_id: RunId::from_uuid(row.run_id),
                hostname: row.hostname.parse().map_err(|e| corrupt(format!("{e}")))?,
                severity: from_word(row.severity).map_err(corrupt)?,
                title: row.title,
                detail: row.detail,
                opened_at: at(row.opened_at),
            })
        });
        incidents.collect()
    }
}

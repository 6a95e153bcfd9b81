//! Emergencies as the incident service finds them: those of which no notification was sent, and
//! those that are over.

use domain::ca::CaRef;
use domain::clock::Timestamp;
use domain::host::Criticality;
use domain::ids::{HostId, IncidentId, WorkspaceId};

use crate::rows::{at, from_word};
use crate::{Store, StoreError};

/// An emergency without an incident.
#[derive(Debug, Clone)]
pub struct ToTell {
    pub id: IncidentId,
    pub workspace: WorkspaceId,
    pub ca: CaRef,
    pub opened_at: Timestamp,
    pub explanation_url: Option<String>,
    pub certificates: i64,
    pub of_all: i64,
    /// The most critical host.
    pub host_id: HostId,
    pub hostname: String,
    pub criticality: Criticality,
    pub notify: Vec<String>,
}

impl Store {
    pub async fn emergencies_to_tell(&self) -> Result<Vec<ToTell>, StoreError> {
        let rows = sqlx::query!(
            "select e.id, e.workspace, e.directory_url, e.opened_at, e.explanation_url, e.certificates, e.of_all, e.host_id,
                    e.notify, h.hostname, h.criticality
             from emergencies e join hosts h on h.id = e.host_id
             where not exists (select 1 from incidents i where i.id = e.id) order by e.opened_at limit 100"
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("emergencies", row.id, why);
            Ok(ToTell {
                id: IncidentId::from_uuid(row.id),
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                ca: row.directory_url.parse().map_err(|e| corrupt(format!("{e}")))?,
                opened_at: at(row.opened_at),
                explanation_url: row.explanation_url,
                certificates: row.certificates,
                of_all: row.of_all,
                host_id: HostId::from_uuid(row.host_id),
                hostname: row.hostname,
                criticality: from_word(row.criticality).map_err(corrupt)?,
                notify: row.notify,
            })
        });
        found.collect()
    }

    /// Emergencies that are over while their incident is still open.
    pub async fn emergencies_over(&self) -> Result<Vec<(WorkspaceId, IncidentId)>, StoreError> {
        let rows = sqlx::query!(
            "select e.id, e.workspace from emergencies e join incidents i on i.id = e.id
             where e.ended_at is not null and i.state in ('open', 'acknowledged') limit 100"
        )
        .fetch_all(&self.pool)
        .await?;
        let over = rows.into_iter().map(|row| {
            let workspace = row.workspace.parse();
            let workspace = workspace.map_err(|e| StoreError::corrupt("emergencies", row.id, e))?;
            Ok((workspace, IncidentId::from_uuid(row.id)))
        });
        over.collect()
    }
}

//! What becomes of incidents that are there: mended, raised, acknowledged, closed; and their
//! history.

use domain::ids::{HostId, IncidentId};
use domain::incident::{Change, Remark, Severity, State};
use uuid::Uuid;

use super::IncidentTx;
use crate::StoreError;
use crate::rows::{json, word, words};

impl IncidentTx {
    /// The trouble of a host is over: closes its runs that told of it before `over.at`. Gives their
    /// incidents. While the host serves several leaves by turns one good run is no end: then
    /// nothing is closed.
    pub async fn close_of_host(&mut self, host: HostId, over: &Remark) -> Result<Vec<IncidentId>, StoreError> {
        let recovered = sqlx::query_scalar!(
            r#"with mended as (
                   update incident_members set closed_at = $3, closed_because = $4
                   where workspace = $1 and host_id = $2 and closed_at is null and told_at < $3
                     and not exists (select 1 from hosts h where h.id = $2 and h.mixed_at is not null)
                   returning incident_id)
               select distinct incident_id as "id!" from mended"#,
            self.workspace.as_str(),
            host.get(),
            over.at.get(),
            over.note,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(recovered.into_iter().map(IncidentId::from_uuid).collect())
    }

    /// Whether the host served several leaves at one address, and has not been steady since.
    pub async fn is_mixed(&mut self, host: HostId) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select 1 from hosts where workspace = $1 and id = $2 and mixed_at is not null) as "mixed!""#,
            self.workspace.as_str(),
            host.get(),
        );
        Ok(found.fetch_one(&mut *self.tx).await?)
    }

    /// Closes the incident when none of its runs and hosts has trouble any more. Says whether it
    /// was.
    pub async fn close_if_recovered(&mut self, id: IncidentId, word: &Remark) -> Result<bool, StoreError> {
        let closed = sqlx::query!(
            "update incidents set state = 'closed', closed = $3
             where workspace = $1 and id = $2 and state in ('open', 'acknowledged')
               and not exists (select 1 from incident_members where incident_id = $2 and closed_at is null)
               and not exists (select 1 from host_troubles where incident_id = $2)",
            self.workspace.as_str(),
            id.get(),
            json(word)?,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(closed.rows_affected() == 1)
    }

    /// A person closes it, whatever its runs say. Says whether it was open.
    pub async fn close(&mut self, id: IncidentId, word: &Remark) -> Result<bool, StoreError> {
        sqlx::query!(
            "update incident_members m set closed_at = $3, closed_because = $4
             from incidents i where i.id = m.incident_id and i.workspace = $1 and i.id = $2
               and i.state in ('open', 'acknowledged') and m.closed_at is null",
            self.workspace.as_str(),
            id.get(),
            word.at.get(),
            format!("closed by {}", word.by),
        )
        .execute(&mut *self.tx)
        .await?;
        self.silence_troubles(id).await?;
        self.close_if_recovered(id, word).await
    }

    /// A person acknowledges it. Says whether it was open and not acknowledged yet.
    pub async fn acknowledge(&mut self, id: IncidentId, word: &Remark) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update incidents set state = 'acknowledged', acknowledged = $3
             where workspace = $1 and id = $2 and state = 'open'",
            self.workspace.as_str(),
            id.get(),
            json(word)?,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes it more severe. Says whether it was less.
    pub async fn raise(&mut self, id: IncidentId, to: Severity) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update incidents set severity = $3
             where workspace = $1 and id = $2 and severity = any($4) and state in ('open', 'acknowledged')",
            self.workspace.as_str(),
            id.get(),
            word(to),
            &words(to.below()),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A line of the incident's history.
    pub async fn remember(&mut self, id: IncidentId, change: Change, word: &Remark) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into incident_changes (id, incident_id, change, word) values ($1, $2, $3, $4)",
            Uuid::now_v7(),
            id.get(),
            change.as_str(),
            json(word)?,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    pub async fn state(&mut self, id: IncidentId) -> Result<Option<State>, StoreError> {
        let found = sqlx::query_scalar!(
            "select state from incidents where workspace = $1 and id = $2",
            self.workspace.as_str(),
            id.get(),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let read = found.map(crate::rows::from_word).transpose();
        read.map_err(|why| StoreError::corrupt("incidents", id, why))
    }
}

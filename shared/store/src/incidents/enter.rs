//! Runs with trouble go in: into an incident of their own, into one that is open, or with others into one.

use domain::ids::{IncidentId, RunId};
use domain::incident::{Change, Incident, Member, Remark, Severity};
use uuid::Uuid;

use super::{Group, IncidentTx};
use crate::StoreError;
use crate::error::exactly;
use crate::rows::{from_word, json, word, words};

impl IncidentTx {
    pub async fn open(&mut self, incident: &Incident) -> Result<(), StoreError> {
        let cause = incident.cause.as_ref();
        sqlx::query!(
            "insert into incidents (id, workspace, host_id, run_id, hostname, severity, title, detail, opened_at,
                                    latest_at, state, common, cause_code, cause_step)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13)",
            incident.id.get(),
            incident.workspace.as_str(),
            incident.host_id.get(),
            incident.run_id.map(RunId::get),
            incident.hostname.as_str(),
            word(incident.severity),
            incident.title,
            incident.detail,
            incident.opened_at.get(),
            incident.state.as_str(),
            incident.common,
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// How it is called now.
    pub async fn title(&mut self, id: IncidentId) -> Result<String, StoreError> {
        let title = sqlx::query_scalar!(
            "select title from incidents where workspace = $1 and id = $2",
            self.workspace.as_str(),
            id.get()
        );
        Ok(title.fetch_one(&mut *self.tx).await?)
    }

    /// A run joins; its incident is at least as severe as that, and is called and says what the newest run of its host says.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn join(
        &mut self,
        id: IncidentId,
        member: &Member,
        title: &str,
        severity: Severity,
    ) -> Result<(), StoreError> {
        let cause = member.cause.as_ref();
        sqlx::query!(
            "insert into incident_members (run_id, incident_id, workspace, host_id, hostname, criticality, cause_code,
                                           cause_step, said, opened_at, told_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            member.run_id.get(),
            id.get(),
            self.workspace.as_str(),
            member.host_id.get(),
            member.hostname.as_str(),
            word(member.criticality),
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
            member.said,
            member.opened_at.get(),
            member.told_at.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        let touched = sqlx::query!(
            "update incidents set severity = case when severity = any($9) then $4 else severity end,
                    detail = case when common then detail else $7 end,
                    title = case when common then title else $8 end,
                    latest_at = case when cause_code = $5 and cause_step = $6 then greatest(latest_at, $3)
                                     else latest_at end
             where workspace = $1 and id = $2",
            self.workspace.as_str(),
            id.get(),
            member.opened_at.get(),
            word(severity),
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
            member.said,
            title,
            &words(severity.below()),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("join an incident", 1, touched.rows_affected())
    }

    /// The run tells of its trouble again. Says whether its incident was closed, and is open again.
    pub async fn tell_again(&mut self, id: IncidentId, member: &Member, title: &str) -> Result<bool, StoreError> {
        let cause = member.cause.as_ref();
        let touched = sqlx::query!(
            "update incident_members set said = $3, told_at = $4, cause_code = $5, cause_step = $6, closed_at = null,
                    closed_because = null
             where workspace = $1 and run_id = $2",
            self.workspace.as_str(),
            member.run_id.get(),
            member.said,
            member.told_at.get(),
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("tell again", 1, touched.rows_affected())?;
        self.say(id, Some(title), &member.said).await?;
        let reopened = sqlx::query!(
            "update incidents set state = 'open', closed = null, acknowledged = null
             where workspace = $1 and id = $2 and state = 'closed'",
            self.workspace.as_str(),
            id.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(reopened.rows_affected() == 1)
    }

    /// Makes one incident of several: the members go into the first, what was to be told of the others is not told.
    pub async fn fold(
        &mut self,
        into: IncidentId,
        others: &[IncidentId],
        group: &Group,
        word: &Remark,
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = others.iter().map(|id| id.get()).collect();
        let workspace = self.workspace.clone();
        let severity = self.worst(into, &ids).await?;
        sqlx::query!(
            "update incident_members set incident_id = $2 where workspace = $1 and incident_id = any($3)",
            workspace.as_str(),
            into.get(),
            &ids,
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "update incidents set common = true, title = $3, detail = $4, severity = $5
             where workspace = $1 and id = $2",
            workspace.as_str(),
            into.get(),
            group.title,
            group.detail,
            severity,
        )
        .execute(&mut *self.tx)
        .await?;
        let folded = sqlx::query!(
            "update incidents set state = 'folded', folded_into = $2, closed = $4 where workspace = $1 and id = any($3)",
            workspace.as_str(),
            into.get(),
            &ids,
            json(word)?,
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("fold incidents", ids.len(), folded.rows_affected())?;
        self.drop_untold(&ids).await?;
        for other in others {
            self.remember(*other, Change::Folded, word).await?;
        }
        Ok(())
    }

    /// The most urgent severity of these, which are all in this transaction's hands.
    async fn worst(&mut self, one: IncidentId, others: &[Uuid]) -> Result<String, StoreError> {
        let found = sqlx::query_scalar!(
            "select severity from incidents where id = $1 or id = any($2)",
            one.get(),
            others
        );
        let found = found.fetch_all(&mut *self.tx).await?.into_iter();
        let corrupt = |why| StoreError::corrupt("incidents", one, why);
        let all: Vec<Severity> = found.map(from_word).collect::<Result<_, _>>().map_err(corrupt)?;
        let worst = all.into_iter().min();
        Ok(word(worst.ok_or_else(|| corrupt("it is not there".to_owned()))?))
    }

    /// Says more of the trouble of a run that is not over, before what was said of it. Gives its incident, if it has one.
    pub async fn say_of(&mut self, run: RunId, said: &str) -> Result<Option<IncidentId>, StoreError> {
        let told = sqlx::query!(
            "update incident_members set said = $3 || E'\\nBefore that it said:\\n' || said
             where workspace = $1 and run_id = $2 and closed_at is null returning incident_id, said",
            self.workspace.as_str(),
            run.get(),
            said,
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(told) = told else { return Ok(None) };
        let id = IncidentId::from_uuid(told.incident_id);
        self.say(id, None, &told.said).await?;
        Ok(Some(id))
    }

    /// An incident of many hosts speaks for all of them, not for one.
    async fn say(&mut self, id: IncidentId, title: Option<&str>, detail: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "update incidents set title = coalesce($4, title), detail = $3 where workspace = $1 and id = $2 and not common",
            self.workspace.as_str(),
            id.get(),
            detail,
            title,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

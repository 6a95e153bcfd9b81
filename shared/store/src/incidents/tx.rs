//! Writing incidents: one short transaction that holds the workspace's lock, so that of two processes the second sees
//! what the first has done: no run is lost, none is in two incidents.

use std::time::Duration;

use domain::Timestamp;
use domain::ids::{HostId, IncidentId, RunId, WorkspaceId};
use domain::incident::{Cause, Change, Incident, Member, Severity, State, Word};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::error::exactly;
use crate::rows::{at, from_json, json, word};
use crate::{Store, StoreError};

pub struct IncidentTx {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) workspace: WorkspaceId,
}

/// What the record says of a run whose trouble is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Who wants to hear of it: addresses of its policy.
    pub notify: Vec<String>,
    /// When what the host serves ends: from its newest probe, else from the plan.
    pub expires_at: Option<Timestamp>,
    /// A run of the host that succeeded after the trouble.
    pub mended_by: Option<RunId>,
}

/// Where a run may belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The run was told of before.
    pub member: Option<Told>,
    /// The open incident of its host.
    pub of_host: Option<OfHost>,
    /// The open incident of many hosts with the same cause, near in time.
    pub common: Option<IncidentId>,
    /// Open incidents of single hosts with the same cause, near in time, the oldest first; nobody has them in hand.
    pub alone: Vec<IncidentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub incident: IncidentId,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfHost {
    pub incident: IncidentId,
    /// It is one of many hosts.
    pub common: bool,
    /// It was opened for the same cause, and nobody has it in hand.
    pub same_cause: bool,
}

/// What an incident of many hosts is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub title: String,
    pub detail: String,
}

impl Store {
    /// Begins, and waits for the workspace's lock.
    pub async fn incident_tx(&self, workspace: &WorkspaceId) -> Result<IncidentTx, StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('incidents of ' || $1, 0))",
            workspace.as_str()
        )
        .execute(&mut *tx)
        .await?;
        let workspace = workspace.clone();
        Ok(IncidentTx { tx, workspace })
    }

    /// Whether a host has trouble that is told of; without a lock, for a quick look.
    pub async fn has_trouble(&self, workspace: &WorkspaceId, host: HostId) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select 1 from incident_members
                              where workspace = $1 and host_id = $2 and closed_at is null) as "found!""#,
            workspace.as_str(),
            host.get(),
        );
        Ok(found.fetch_one(&self.pool).await?)
    }
}

impl IncidentTx {
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }

    /// Nothing when the workspace has no such run.
    pub async fn run(&mut self, run: RunId, trouble_at: Timestamp) -> Result<Option<RunFacts>, StoreError> {
        let found = sqlx::query!(
            r#"select r.plan -> 'notify' as notify, (r.plan ->> 'expires_at')::timestamptz as planned_end,
                      (select s.not_after from snapshots s where s.host_id = r.host_id and s.not_after is not null
                       order by s.taken_at desc limit 1) as seen_end,
                      (select l.id from runs l where l.host_id = r.host_id and l.status = 'succeeded'
                       and l.mode = 'live' and l.moved_at > $3 order by l.id desc limit 1) as mended_by
               from runs r where r.workspace = $1 and r.id = $2"#,
            self.workspace.as_str(),
            run.get(),
            trouble_at.get(),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = found else { return Ok(None) };
        let corrupt = |why: String| StoreError::corrupt("runs", run, why);
        let notify = row.notify.map_or_else(|| Ok(Vec::new()), from_json);
        Ok(Some(RunFacts {
            notify: notify.map_err(corrupt)?,
            expires_at: row.seen_end.or(row.planned_end).map(at),
            mended_by: row.mended_by.map(RunId::from_uuid),
        }))
    }

    /// Where the run may belong; `near` is how far apart failures of one cause may lie.
    pub async fn known(&mut self, member: &Member, near: Duration) -> Result<Known, StoreError> {
        let told = sqlx::query!(
            "select incident_id, told_at from incident_members where workspace = $1 and run_id = $2",
            self.workspace.as_str(),
            member.run_id.get(),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let cause = member.cause.as_ref();
        let of_host = sqlx::query!(
            r#"select i.id, i.common,
                      coalesce(i.state = 'open' and i.cause_code = $3 and i.cause_step = $4, false) as "same_cause!"
               from incident_members m join incidents i on i.id = m.incident_id
               where m.workspace = $1 and m.host_id = $2 and m.closed_at is null order by m.opened_at desc limit 1"#,
            self.workspace.as_str(),
            member.host_id.get(),
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let mut known = Known {
            member: told.map(|row| Told {
                incident: IncidentId::from_uuid(row.incident_id),
                at: at(row.told_at),
            }),
            of_host: of_host.map(|row| OfHost {
                incident: IncidentId::from_uuid(row.id),
                common: row.common,
                same_cause: row.same_cause,
            }),
            ..Known::default()
        };
        if let Some(cause) = &member.cause {
            self.of_cause(&mut known, cause, (member.opened_at, near)).await?;
        }
        Ok(known)
    }

    async fn of_cause(
        &mut self,
        known: &mut Known,
        cause: &Cause,
        (then, near): (Timestamp, Duration),
    ) -> Result<(), StoreError> {
        let near = time::Duration::try_from(near).unwrap_or(time::Duration::MAX);
        let rows = sqlx::query!(
            "select id, common from incidents
             where workspace = $1 and cause_code = $2 and cause_step = $3 and latest_at between $4 and $5
               and (state = 'open' or (common and state = 'acknowledged'))
             order by common desc, id limit 100",
            self.workspace.as_str(),
            cause.code.as_str(),
            cause.step,
            then.get().saturating_sub(near),
            then.get().saturating_add(near),
        )
        .fetch_all(&mut *self.tx)
        .await?;
        known.common = rows
            .iter()
            .find(|row| row.common)
            .map(|row| IncidentId::from_uuid(row.id));
        known.alone = rows
            .iter()
            .filter(|row| !row.common)
            .map(|row| IncidentId::from_uuid(row.id))
            .collect();
        Ok(())
    }

    /// Whether nobody has opened it yet.
    pub async fn is_new(&mut self, id: IncidentId) -> Result<bool, StoreError> {
        let known = sqlx::query_scalar!(
            r#"select exists (select 1 from incidents where id = $1) as "known!""#,
            id.get()
        );
        Ok(!known.fetch_one(&mut *self.tx).await?)
    }

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

    /// A run joins; its incident is at least as severe as that.
    pub async fn join(&mut self, id: IncidentId, member: &Member, severity: Severity) -> Result<(), StoreError> {
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
        // Words of severities sort as their urgency does.
        let touched = sqlx::query!(
            "update incidents set severity = least(severity, $4),
                    latest_at = case when cause_code = $5 and cause_step = $6 then greatest(latest_at, $3)
                                     else latest_at end
             where workspace = $1 and id = $2",
            self.workspace.as_str(),
            id.get(),
            member.opened_at.get(),
            word(severity),
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| cause.step.as_str()),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("join an incident", 1, touched.rows_affected())
    }

    /// The run tells of its trouble again. Says whether its incident was closed, and is open again.
    pub async fn tell_again(&mut self, id: IncidentId, member: &Member) -> Result<bool, StoreError> {
        let touched = sqlx::query!(
            "update incident_members set said = $3, told_at = $4, closed_at = null, closed_because = null
             where workspace = $1 and run_id = $2",
            self.workspace.as_str(),
            member.run_id.get(),
            member.said,
            member.told_at.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("tell again", 1, touched.rows_affected())?;
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
        (group, word): (&Group, &Word),
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = others.iter().map(|id| id.get()).collect();
        let workspace = self.workspace.clone();
        sqlx::query!(
            "update incident_members set incident_id = $2 where workspace = $1 and incident_id = any($3)",
            workspace.as_str(),
            into.get(),
            &ids,
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "update incidents i set common = true, title = $3, detail = $4,
                    severity = (select min(severity) from incidents where id = i.id or id = any($5))
             where workspace = $1 and id = $2",
            workspace.as_str(),
            into.get(),
            group.title,
            group.detail,
            &ids,
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

    /// The trouble of a host is over: closes its runs that told of it before `over.at`. Gives their incidents.
    pub async fn mend_host(&mut self, host: HostId, over: &Word) -> Result<Vec<IncidentId>, StoreError> {
        let mended = sqlx::query_scalar!(
            r#"with mended as (
                   update incident_members set closed_at = $3, closed_because = $4
                   where workspace = $1 and host_id = $2 and closed_at is null and told_at < $3
                   returning incident_id)
               select distinct incident_id as "id!" from mended"#,
            self.workspace.as_str(),
            host.get(),
            over.at.get(),
            over.note,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(mended.into_iter().map(IncidentId::from_uuid).collect())
    }

    /// Closes the incident when none of its runs has trouble any more. Says whether it was.
    pub async fn close_if_mended(&mut self, id: IncidentId, word: &Word) -> Result<bool, StoreError> {
        let closed = sqlx::query!(
            "update incidents set state = 'closed', closed = $3
             where workspace = $1 and id = $2 and state in ('open', 'acknowledged')
               and not exists (select 1 from incident_members where incident_id = $2 and closed_at is null)",
            self.workspace.as_str(),
            id.get(),
            json(word)?,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(closed.rows_affected() == 1)
    }

    /// A person closes it, whatever its runs say. Says whether it was open.
    pub async fn close(&mut self, id: IncidentId, word: &Word) -> Result<bool, StoreError> {
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
        self.close_if_mended(id, word).await
    }

    /// A person has it in hand. Says whether it was open and in nobody's hands.
    pub async fn acknowledge(&mut self, id: IncidentId, word: &Word) -> Result<bool, StoreError> {
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
             where workspace = $1 and id = $2 and severity > $3 and state in ('open', 'acknowledged')",
            self.workspace.as_str(),
            id.get(),
            word(to),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A line of the incident's history.
    pub async fn remember(&mut self, id: IncidentId, change: Change, word: &Word) -> Result<(), StoreError> {
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

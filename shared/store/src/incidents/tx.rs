//! The transaction of incidents, and what is known before one is written: one short transaction
//! that holds the workspace's lock, so that of two processes the second sees what the first has
//! done: no run is lost, none is in two incidents.

use std::collections::HashSet;
use std::time::Duration;

use domain::Timestamp;
use domain::ids::{HostId, IncidentId, RunId, WorkspaceId};
use domain::incident::{Cause, Member};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::rows::{at, from_json};
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
    /// When what the host serves ends, at the address where it ends first: from its newest probe,
    /// else from the plan.
    pub expires_at: Option<Timestamp>,
    /// A run of the host that succeeded after the trouble.
    pub recovered_by: Option<RunId>,
}

/// Where a run may belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// A notification about the run was sent earlier.
    pub member: Option<Told>,
    /// The open incident of its host.
    pub of_host: Option<OfHost>,
    /// The open incident of many hosts with the same cause, near in time.
    pub common: Option<IncidentId>,
    /// Open incidents of single hosts with the same cause, near in time, the oldest first; no
    /// person has acknowledged them.
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
    /// It was opened for the same cause, and no person has acknowledged it.
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

    /// Which of these hosts have trouble that is told of; without a lock, for a quick look.
    pub async fn with_trouble(&self, hosts: &[(WorkspaceId, HostId)]) -> Result<HashSet<HostId>, StoreError> {
        let workspaces: Vec<String> = hosts.iter().map(|(workspace, _)| workspace.to_string()).collect();
        let ids: Vec<Uuid> = hosts.iter().map(|(_, host)| host.get()).collect();
        let found = sqlx::query_scalar!(
            "select m.host_id from unnest($1::text[], $2::uuid[]) as u (workspace, host_id)
             join incident_members m on m.host_id = u.host_id and m.workspace = u.workspace and m.closed_at is null",
            &workspaces,
            &ids,
        );
        Ok(found
            .fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(HostId::from_uuid)
            .collect())
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
                       order by s.taken_at desc, s.not_after limit 1) as seen_end,
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
            recovered_by: row.mended_by.map(RunId::from_uuid),
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
            self.of_cause(&mut known, cause, member.opened_at, near).await?;
        }
        Ok(known)
    }

    async fn of_cause(
        &mut self,
        known: &mut Known,
        cause: &Cause,
        then: Timestamp,
        near: Duration,
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

    /// Whether it is not open yet.
    pub async fn is_new(&mut self, id: IncidentId) -> Result<bool, StoreError> {
        let known = sqlx::query_scalar!(
            r#"select exists (select 1 from incidents where id = $1) as "known!""#,
            id.get()
        );
        Ok(!known.fetch_one(&mut *self.tx).await?)
    }
}

//! Incidents as people read them; writing is [`IncidentTx`]'s.

mod enter;
mod estate;
mod settle;
mod tx;
mod watch;

use domain::disposition::ErrorCode;
use domain::ids::{HostId, IncidentId, RunId, WorkspaceId};
use domain::incident::{Cause, Incident, Member, Remark, State};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{at, from_json, from_word};
use crate::{Store, StoreError};

pub use estate::{HostTrouble, KnownTroubles, TroubleOver};
pub use tx::{Group, IncidentTx, Known, OfHost, RunFacts, Told};
pub use watch::Watched;

/// An incident with what a list shows beside it.
#[derive(Debug, Clone)]
pub struct IncidentView {
    pub incident: Incident,
    /// Runs that belong to it, and how many of them still have trouble.
    pub members: i64,
    pub open_members: i64,
    /// Notifications that could not be delivered so far, and those that were given up.
    pub failing: i64,
    pub given_up: i64,
}

/// One line of an incident's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange {
    pub change: String,
    pub word: Remark,
}

/// What the list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Absent: all but those that went into another.
    pub state: Option<State>,
    /// Only incidents older than this one.
    pub before: Option<IncidentId>,
    /// Only this one.
    pub id: Option<IncidentId>,
}

struct Row {
    id: Uuid,
    workspace: String,
    host_id: Uuid,
    run_id: Option<Uuid>,
    hostname: String,
    severity: String,
    state: String,
    common: bool,
    cause_code: Option<String>,
    cause_step: Option<String>,
    title: String,
    detail: String,
    opened_at: OffsetDateTime,
    acknowledged: Option<Value>,
    closed: Option<Value>,
    folded_into: Option<Uuid>,
}

impl TryFrom<Row> for Incident {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.id;
        read(row).map_err(|why| StoreError::corrupt("incidents", id, why))
    }
}

fn read(row: Row) -> Result<Incident, String> {
    Ok(Incident {
        id: IncidentId::from_uuid(row.id),
        workspace: row.workspace.parse().map_err(|e| format!("{e}"))?,
        host_id: HostId::from_uuid(row.host_id),
        run_id: row.run_id.map(RunId::from_uuid),
        hostname: row.hostname.parse().map_err(|e| format!("{e}"))?,
        severity: from_word(row.severity)?,
        state: from_word(row.state)?,
        common: row.common,
        cause: cause(row.cause_code, row.cause_step),
        title: row.title,
        detail: row.detail,
        opened_at: at(row.opened_at),
        acknowledged: row.acknowledged.map(from_json).transpose()?,
        closed: row.closed.map(from_json).transpose()?,
        folded_into: row.folded_into.map(IncidentId::from_uuid),
    })
}

fn cause(code: Option<String>, step: Option<String>) -> Option<Cause> {
    let code = ErrorCode::new(code?);
    let step = step.unwrap_or_default();
    Some(Cause { code, step })
}

impl Store {
    /// Newest first.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn incidents(
        &self,
        workspace: &WorkspaceId,
        filter: &IncidentFilter,
        limit: i64,
    ) -> Result<Vec<IncidentView>, StoreError> {
        let rows = sqlx::query!(
            r#"select i.id, i.workspace, i.host_id, i.run_id, i.hostname, i.severity, i.state, i.common,
                      case when l.run_id is null then i.cause_code else l.cause_code end as cause_code,
                      case when l.run_id is null then i.cause_step else l.cause_step end as cause_step, i.title, i.detail, i.opened_at, i.acknowledged, i.closed, i.folded_into,
                      m.members as "members!", m.open as "open!", n.failing as "failing!", n.given_up as "given_up!"
               from incidents i
               -- What many share was their cause from the beginning; one host's is that of its newest word.
               left join lateral (
                   select run_id, cause_code, cause_step from incident_members
                   where incident_id = i.id and not i.common order by told_at desc limit 1) l on true
               left join lateral (
                   select count(*) as members, count(*) filter (where closed_at is null) as open
                   from incident_members where incident_id = i.id) m on true
               left join lateral (
                   select count(*) filter (where delivered_at is null and given_up_at is null and last_error is not null)
                              as failing,
                          count(*) filter (where given_up_at is not null) as given_up
                   from notifications where incident_id = i.id) n on true
               where i.workspace = $1 and ($2::text is null or i.state = $2)
                 and ($2::text is not null or $4::uuid is not null or i.state <> 'folded')
                 and ($3::uuid is null or i.id < $3) and ($4::uuid is null or i.id = $4)
               order by i.id desc limit $5"#,
            workspace.as_str(),
            filter.state.map(State::as_str),
            filter.before.map(IncidentId::get),
            filter.id.map(IncidentId::get),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            let (members, open_members) = (row.members, row.open);
            let (failing, given_up) = (row.failing, row.given_up);
            let incident = Row {
                id: row.id,
                workspace: row.workspace,
                host_id: row.host_id,
                run_id: row.run_id,
                hostname: row.hostname,
                severity: row.severity,
                state: row.state,
                common: row.common,
                cause_code: row.cause_code,
                cause_step: row.cause_step,
                title: row.title,
                detail: row.detail,
                opened_at: row.opened_at,
                acknowledged: row.acknowledged,
                closed: row.closed,
                folded_into: row.folded_into,
            };
            Ok(IncidentView {
                incident: incident.try_into()?,
                members,
                open_members,
                failing,
                given_up,
            })
        });
        views.collect()
    }

    /// The incident, if the workspace has it.
    pub async fn incident(&self, workspace: &WorkspaceId, id: IncidentId) -> Result<Option<IncidentView>, StoreError> {
        let filter = IncidentFilter {
            id: Some(id),
            ..IncidentFilter::default()
        };
        Ok(self.incidents(workspace, &filter, 1).await?.into_iter().next())
    }

    /// Its runs, the oldest first.
    pub async fn incident_members(
        &self,
        workspace: &WorkspaceId,
        incident: IncidentId,
        limit: i64,
    ) -> Result<Vec<Member>, StoreError> {
        let rows = sqlx::query!(
            "select run_id, host_id, hostname, criticality, cause_code, cause_step, said, opened_at, told_at, closed_at,
                    closed_because
             from incident_members where workspace = $1 and incident_id = $2 order by opened_at, run_id limit $3",
            workspace.as_str(),
            incident.get(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let members = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("incident_members", row.run_id, why);
            Ok(Member {
                run_id: RunId::from_uuid(row.run_id),
                host_id: HostId::from_uuid(row.host_id),
                hostname: row.hostname.parse().map_err(|e| corrupt(format!("{e}")))?,
                criticality: from_word(row.criticality).map_err(corrupt)?,
                cause: cause(row.cause_code, row.cause_step),
                said: row.said,
                opened_at: at(row.opened_at),
                told_at: at(row.told_at),
                closed_at: row.closed_at.map(at),
                closed_because: row.closed_because,
            })
        });
        members.collect()
    }

    /// What happened to it, the oldest first.
    pub async fn incident_changes(
        &self,
        workspace: &WorkspaceId,
        incident: IncidentId,
    ) -> Result<Vec<PastChange>, StoreError> {
        let rows = sqlx::query!(
            "select c.id, c.change, c.word from incident_changes c join incidents i on i.id = c.incident_id
             where i.workspace = $1 and i.id = $2 order by c.id",
            workspace.as_str(),
            incident.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        let changes = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("incident_changes", row.id, why);
            Ok(PastChange {
                change: row.change,
                word: from_json(row.word).map_err(corrupt)?,
            })
        });
        changes.collect()
    }
}

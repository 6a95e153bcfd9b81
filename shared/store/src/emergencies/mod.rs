//! Many certificates that one CA wants renewed at once: when that is so, and which hosts are left, in the order in which
//! they are renewed.

mod told;

use domain::ca::CaRef;
use domain::clock::Timestamp;
use domain::host::Criticality;
use domain::ids::{IncidentId, JobId, RunId, WorkspaceId};
use domain::policy::NewPolicy;
use domain::run::Status;
use domain::{Hostname, Invalid, ari::Threshold};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{at, from_json, from_word, most_first};
use crate::{Store, StoreError};

pub use told::ToTell;

/// Certificates of one CA that are called for and have no emergency yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    pub workspace: WorkspaceId,
    pub ca: CaRef,
    pub called: u64,
    pub of_all: u64,
}

impl Calls {
    pub fn are_many(&self, threshold: Threshold) -> bool {
        threshold.is_met(self.called, self.of_all)
    }
}

#[derive(Debug, Clone)]
pub struct EmergencyView {
    pub id: IncidentId,
    pub ca: CaRef,
    pub opened_at: Timestamp,
    pub explanation_url: Option<String>,
    pub certificates: i64,
    pub of_all: i64,
    pub ended_at: Option<Timestamp>,
    /// Called for and still served.
    pub left: i64,
}

/// A host that still serves what the CA wants replaced.
#[derive(Debug, Clone)]
pub struct CalledHost {
    pub hostname: Hostname,
    pub criticality: Criticality,
    pub called_at: Timestamp,
    pub expires_at: Timestamp,
    /// Whether it renews itself.
    pub by_itself: bool,
    /// Its live run since the call.
    pub run: Option<(RunId, Status)>,
}

impl Store {
    /// Calls since an instant, counted per workspace and CA, where no emergency is open.
    pub async fn calls_since(&self, since: Timestamp) -> Result<Vec<Calls>, StoreError> {
        let rows = sqlx::query!(
            r#"with called as (
                 select workspace, directory_url, count(*) as called from renewal_info i
                 where called_at > $1
                   and not exists (select 1 from emergencies e where e.workspace = i.workspace
                                   and e.directory_url = i.directory_url and e.ended_at is null)
                 group by workspace, directory_url)
               select workspace, directory_url as "directory_url!", called as "called!",
                      (select count(*) from renewal_info a
                       where a.workspace = called.workspace and a.directory_url = called.directory_url) as "of_all!"
               from called where directory_url is not null"#,
            since.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        let calls = rows.into_iter().map(|row| {
            let corrupt = |e: Invalid| StoreError::corrupt("renewal_info", &row.workspace, e);
            Ok(Calls {
                workspace: row.workspace.parse().map_err(corrupt)?,
                ca: row.directory_url.parse().map_err(corrupt)?,
                called: u64::try_from(row.called).unwrap_or(0),
                of_all: u64::try_from(row.of_all).unwrap_or(0),
            })
        });
        calls.collect()
    }

    /// Opens an emergency for these calls; says whether it did: of several planners one does.
    pub async fn open_emergency(&self, id: IncidentId, calls: &Calls, now: Timestamp) -> Result<bool, StoreError> {
        let opened = sqlx::query!(
            "insert into emergencies (id, workspace, directory_url, opened_at, explanation_url, certificates, of_all, host_id,
                                      notify)
             select $1, $2, $3, $4, max(c.explanation_url), count(*), $5, (array_agg(c.host_id order by c.rank, c.host_id))[1],
                    array(select distinct jsonb_array_elements_text(p.says -> 'notify_on_failure')
                          from renewal_info i join policies p on p.host_id = i.host_id and p.active
                          where i.workspace = $2 and i.directory_url = $3 and i.called_at is not null)
             from (select i.host_id, i.explanation_url,
                          array_position($6::text[], h.criticality) as rank
                   from renewal_info i join hosts h on h.id = i.host_id
                   where i.workspace = $2 and i.directory_url = $3 and i.called_at is not null) c
             having count(*) > 0
             on conflict (workspace, directory_url) where ended_at is null do nothing",
            id.get(),
            calls.workspace.as_str(),
            calls.ca.to_string(),
            now.get(),
            i64::try_from(calls.of_all).unwrap_or(i64::MAX),
            &most_first(),
        )
        .execute(&self.pool)
        .await?;
        Ok(opened.rows_affected() == 1)
    }

    /// Those that are not over, of every workspace.
    pub async fn open_emergencies(&self) -> Result<Vec<(WorkspaceId, IncidentId, CaRef)>, StoreError> {
        let rows = sqlx::query!("select id, workspace, directory_url from emergencies where ended_at is null");
        let rows = rows.fetch_all(&self.pool).await?;
        let open = rows.into_iter().map(|row| {
            let corrupt = |e: Invalid| StoreError::corrupt("emergencies", row.id, e);
            let workspace = row.workspace.parse().map_err(corrupt)?;
            let ca = row.directory_url.parse().map_err(corrupt)?;
            Ok((workspace, IncidentId::from_uuid(row.id), ca))
        });
        open.collect()
    }

    /// The bulk plans that were prepared for an emergency, by the keys under which they were asked for.
    pub async fn plans_of_emergency(&self, workspace: &WorkspaceId, id: IncidentId) -> Result<Vec<JobId>, StoreError> {
        let answers = sqlx::query_scalar!(
            "select answer from requests where workspace = $1 and starts_with(idempotency_key, $2)
             order by length(idempotency_key), idempotency_key",
            workspace.as_str(),
            plan_key(id, None),
        );
        let answers = answers.fetch_all(&self.pool).await?.into_iter();
        // What was refused has no job.
        let jobs = answers.filter_map(|answer| from_json::<Taken>(answer).ok());
        Ok(jobs.map(|taken| taken.job_id).collect())
    }

    /// Ends emergencies of which nothing is left; gives back how many.
    pub async fn end_emergencies(&self, now: Timestamp) -> Result<u64, StoreError> {
        let ended = sqlx::query!(
            "update emergencies e set ended_at = $1
             where ended_at is null
               and not exists (select 1 from renewal_info i where i.workspace = e.workspace
                               and i.directory_url = e.directory_url and i.called_at is not null and i.not_after > $1)",
            now.get(),
        );
        Ok(ended.execute(&self.pool).await?.rows_affected())
    }

    /// Newest first; only that one with `id`.
    pub async fn emergencies(
        &self,
        workspace: &WorkspaceId,
        id: Option<IncidentId>,
        now: Timestamp,
    ) -> Result<Vec<EmergencyView>, StoreError> {
        let rows = sqlx::query!(
            r#"select e.id, e.directory_url, e.opened_at, e.explanation_url, e.certificates, e.of_all, e.ended_at,
                      (select count(*) from renewal_info i
                       where e.ended_at is null and i.workspace = e.workspace and i.directory_url = e.directory_url
                         and i.called_at is not null and i.not_after > $3) as "left!"
               from emergencies e where e.workspace = $1 and ($2::uuid is null or e.id = $2)
               order by e.opened_at desc limit 100"#,
            workspace.as_str(),
            id.map(IncidentId::get),
            now.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            let corrupt = |e: Invalid| StoreError::corrupt("emergencies", row.id, e);
            Ok(EmergencyView {
                id: IncidentId::from_uuid(row.id),
                ca: row.directory_url.parse().map_err(corrupt)?,
                opened_at: at(row.opened_at),
                explanation_url: row.explanation_url,
                certificates: row.certificates,
                of_all: row.of_all,
                ended_at: row.ended_at.map(at),
                left: row.left,
            })
        });
        views.collect()
    }

    /// The hosts that are left of an emergency of the workspace, the most critical first, then what ends first.
    pub async fn called_hosts(
        &self,
        workspace: &WorkspaceId,
        id: IncidentId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<CalledHost>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select h.hostname as "hostname!", h.criticality as "criticality!", i.called_at as "called_at!",
                      i.not_after as "not_after!", last.id as "run?", last.status as "status?",
                      p.says as "says!"
               from emergencies e
               join renewal_info i on i.workspace = e.workspace and i.directory_url = e.directory_url
                                      and i.called_at is not null and i.not_after > $3
               join hosts h on h.id = i.host_id
               join policies p on p.host_id = i.host_id and p.active
               left join lateral (select id, status from runs
                                  where host_id = i.host_id and mode = 'live' and created_at >= i.called_at
                                  order by id desc limit 1) last on true
               where e.workspace = $1 and e.id = $2 and e.ended_at is null
               order by array_position($5::text[], h.criticality), i.not_after, h.hostname
               limit $4"#,
            workspace.as_str(),
            id.get(),
            now.get(),
            limit,
            &most_first(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(called).collect()
    }
}

/// The key under which one part of the plan of an emergency is asked for; what all of them begin with.
pub fn plan_key(id: IncidentId, part: Option<usize>) -> String {
    let part = part.map(|part| part.to_string()).unwrap_or_default();
    format!("emergency.{id}.{part}")
}

struct Row {
    hostname: String,
    criticality: String,
    called_at: OffsetDateTime,
    not_after: OffsetDateTime,
    run: Option<Uuid>,
    status: Option<String>,
    says: Value,
}

/// The answer to a request for a bulk plan.
#[derive(Deserialize)]
struct Taken {
    job_id: JobId,
}

fn called(row: Row) -> Result<CalledHost, StoreError> {
    let name = row.hostname.clone();
    let corrupt = |why: String| StoreError::corrupt("hosts", &name, why);
    let run = match (row.run, row.status) {
        (Some(run), Some(status)) => Some((RunId::from_uuid(run), from_word(status).map_err(corrupt)?)),
        (_, _) => None,
    };
    let says: NewPolicy = from_json(row.says).map_err(corrupt)?;
    Ok(CalledHost {
        hostname: row.hostname.parse().map_err(|e| corrupt(format!("{e}")))?,
        criticality: from_word(row.criticality).map_err(corrupt)?,
        called_at: at(row.called_at),
        expires_at: at(row.not_after),
        by_itself: says.renews_itself(),
        run,
    })
}

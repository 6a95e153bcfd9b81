//! Policies, and the charges that the planner composes plans from.

mod change;
mod facts;
mod files;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use domain::ari::{Predecessor, Renewal, Suggestion};
use domain::ca::CaRef;
use domain::clock::Timestamp;
use domain::host::NewHost;
use domain::ids::{HostId, PolicyId, RunId, WorkspaceId};
use domain::names::Hostname;
use domain::policy::{NewPolicy, Policy, PolicyFacts};
use serde_json::Value;
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::renewal_info::{suggestion, window};
use crate::rows::{at, from_json, json};
use crate::{Store, StoreError, pacing};

pub use change::Changed;
pub use files::Taken;

/// Against others who take the same files in the same moment.
const TRIES: u32 = 3;

/// What became of new policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    pub policies: Vec<(String, PolicyId)>,
    /// Those that were passed over for a file that another policy replaces.
    pub taken: Vec<(Hostname, Taken)>,
}

/// A policy with the status of its newest run; none means `idle`.
#[derive(Debug, Clone)]
pub struct PolicyView {
    pub policy: Policy,
    pub run_status: Option<String>,
    /// When it renews itself, and what the clock said of it last.
    pub due_at: Option<Timestamp>,
    pub due_why: Option<String>,
    /// What its CA says about the certificate that is served; nothing before it was asked.
    pub renewal: Option<RenewalView>,
}

/// What a CA says about a certificate.
#[derive(Debug, Clone)]
pub struct RenewalView {
    pub ca: CaRef,
    pub suggestion: Option<Suggestion>,
    pub answered_at: Option<Timestamp>,
    pub next_ask_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

pub(crate) struct Row {
    pub id: Uuid,
    pub workspace: String,
    pub host_id: Uuid,
    pub says: Value,
    pub created_at: OffsetDateTime,
}

impl TryFrom<Row> for Policy {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("policies", row.id, why);
        Ok(Self {
            id: PolicyId::from_uuid(row.id),
            workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
            host_id: HostId::from_uuid(row.host_id),
            spec: from_json(row.says).map_err(corrupt)?,
            created_at: at(row.created_at),
        })
    }
}

impl Store {
    /// Adds active policies, all in one transaction. A hostname that has an active policy already
    /// is passed over, and so is a policy with a file that another one replaces.
    pub async fn add_policies(
        &self,
        workspace: &WorkspaceId,
        new: &[(HostId, NewPolicy)],
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let mut paths: Vec<String> = new.iter().flat_map(|(_, policy)| policy.places()).collect();
        paths.sort_unstable();
        paths.dedup();
        for _ in 0..TRIES {
            let mut tx = self.pool.begin().await?;
            let holders = files::holders(&mut tx, &paths).await?;
            let (free, taken) = files::apart(workspace, new, &holders);
            let policies = insert(&mut tx, workspace, &free, now).await?;
            let ids: HashMap<&str, PolicyId> = policies.iter().map(|(name, id)| (name.as_str(), *id)).collect();
            let of_policy = |(_, policy): &&(HostId, NewPolicy)| {
                let id = ids.get(policy.hostname.as_str()).copied();
                let files = id.map(|id| policy.places().into_iter().map(move |file| (file, id)));
                files.into_iter().flatten()
            };
            let claims: BTreeMap<String, PolicyId> = free.iter().flat_map(of_policy).collect();
            // Another policy has taken one of the files since they were looked at: then it is told.
            if files::claim(&mut tx, &claims).await?.len() == claims.len() {
                tx.commit().await?;
                return Ok(Added { policies, taken });
            }
            tx.rollback().await?;
        }
        Err(StoreError::Unavailable(
            "others take the same files again and again".to_owned(),
        ))
    }

    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn policies(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<PolicyView>, StoreError> {
        let rows = sqlx::query!(
            r#"select p.id as "id!", p.workspace as "workspace!", p.host_id as "host_id!", p.says as "says!",
                      p.created_at as "created_at!", p.due_at, p.due_why, r.status as "run_status?",
                      ari.directory_url as "directory_url?", ari.window_start as "window_start?",
                      ari.window_end as "window_end?", ari.explanation_url as "explanation_url?",
                      ari.answered_at as "answered_at?", ari.next_ask_at as "next_ask_at?", ari.last_error as "last_error?"
               from policies p
               left join lateral (select status from runs where host_id = p.host_id order by id desc limit 1) r on true
               left join renewal_info ari on ari.host_id = p.host_id
               where p.workspace = $1 and p.active and p.hostname > coalesce($2, '')
               order by p.hostname limit $3"#,
            workspace.as_str(),
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("renewal_info", row.host_id, why);
            let suggestion = suggestion(row.window_start, row.window_end, row.explanation_url).map_err(corrupt)?;
            let ca = row.directory_url.map(|ca| ca.parse()).transpose();
            let ca: Option<CaRef> = ca.map_err(|e| corrupt(format!("{e}")))?;
            let renewal = ca.map(|ca| RenewalView {
                ca,
                suggestion,
                answered_at: row.answered_at.map(at),
                next_ask_at: row.next_ask_at.map(at),
                last_error: row.last_error,
            });
            let (id, workspace, host_id) = (row.id, row.workspace, row.host_id);
            let policy = Row {
                id,
                workspace,
                host_id,
                says: row.says,
                created_at: row.created_at,
            }
            .try_into()?;
            Ok(PolicyView {
                policy,
                run_status: row.run_status,
                due_at: row.due_at.map(at),
                due_why: row.due_why,
                renewal,
            })
        });
        views.collect()
    }

    /// The active policies of these hostnames, each with its host and its last live run.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn policy_facts(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[String],
    ) -> Result<Vec<PolicyFacts>, StoreError> {
        let rows = sqlx::query!(
            r#"select p.id as "id!", p.workspace as "workspace!", p.host_id as "host_id!", p.says as "says!",
                      p.created_at as "created_at!", h.says as "host_says!",
                      last.created_at as "last_live_at?", served.not_after as "not_after?",
                      ari.cert_id as "cert_id?", ari.directory_url as "directory_url?", ari.names as "names?",
                      ari.window_start as "window_start?", ari.window_end as "window_end?",
                      tags.windows as "windows?"
               from policies p join hosts h on h.id = p.host_id
               left join lateral (select created_at from runs
                                  where host_id = p.host_id and policy_id = p.id and mode = 'live' and status <> 'cancelled'
                                  order by id desc limit 1) last on true
               left join lateral (select not_after from snapshots
                                  where host_id = p.host_id and not_after is not null
                                  order by taken_at desc, not_after limit 1) served on true
               left join lateral (select jsonb_agg(w.windows order by w.tag) as windows from tag_windows w
                                  where w.workspace = h.workspace and h.says -> 'tags' ? w.tag) tags on true
               left join renewal_info ari on ari.host_id = p.host_id and ari.issued_here and ari.replaced_at is null
               where p.workspace = $1 and p.active and p.hostname = any($2)"#,
            workspace.as_str(),
            hostnames,
        )
        .fetch_all(&self.pool)
        .await?;
        let policy_facts = rows.into_iter().map(|row| {
            let host: NewHost =
                from_json(row.host_says).map_err(|why| StoreError::corrupt("hosts", row.host_id, why))?;
            let (id, workspace, host_id) = (row.id, row.workspace, row.host_id);
            let policy = Row {
                id,
                workspace,
                host_id,
                says: row.says,
                created_at: row.created_at,
            }
            .try_into()?;
            let corrupt = |why: String| StoreError::corrupt("renewal_info", row.host_id, why);
            let suggested = window(row.window_start, row.window_end).map_err(corrupt)?;
            let renewal = match (row.cert_id, row.directory_url) {
                (Some(cert_id), Some(issued_at)) => Some(Renewal {
                    predecessor: Predecessor {
                        cert_id: cert_id.parse().map_err(|e| corrupt(format!("{e}")))?,
                        names: row.names.unwrap_or_default(),
                        window: suggested,
                    },
                    issued_at: issued_at.parse().map_err(|e| corrupt(format!("{e}")))?,
                }),
                (_, _) => None,
            };
            let addresses: Vec<IpAddr> = host.addresses;
            let last_live_at = row.last_live_at.map(at);
            Ok(PolicyFacts {
                policy,
                port: host.port,
                addresses,
                criticality: host.criticality,
                last_live_at,
                served_until: row.not_after.map(at),
                tag_windows: pacing::all(row.windows)
                    .map_err(|why| StoreError::corrupt("tag_windows", row.host_id, why))?,
                renewal,
            })
        });
        policy_facts.collect()
    }

    /// The charges of today for the hosts of these runs.
    pub async fn policy_facts_of_runs(
        &self,
        workspace: &WorkspaceId,
        runs: &[RunId],
    ) -> Result<Vec<PolicyFacts>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|id| id.get()).collect();
        let names = sqlx::query_scalar!(
            "select distinct hostname from runs where workspace = $1 and id = any($2)",
            workspace.as_str(),
            &ids,
        );
        let names = names.fetch_all(&self.pool).await?;
        self.policy_facts(workspace, &names).await
    }

    /// The hostnames of all active policies.
    pub async fn policy_hostnames(&self, workspace: &WorkspaceId) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar!(
            "select hostname from policies where workspace = $1 and active order by hostname",
            workspace.as_str()
        );
        Ok(names.fetch_all(&self.pool).await?)
    }
}

/// Gives back the hostnames that were added.
async fn insert(
    tx: &mut PgTransaction<'_>,
    workspace: &WorkspaceId,
    new: &[&(HostId, NewPolicy)],
    now: Timestamp,
) -> Result<Vec<(String, PolicyId)>, StoreError> {
    let ids: Vec<Uuid> = new.iter().map(|_| PolicyId::new().get()).collect();
    let hosts: Vec<Uuid> = new.iter().map(|(host, _)| host.get()).collect();
    let names: Vec<String> = new.iter().map(|(_, policy)| policy.hostname.to_string()).collect();
    let says = new
        .iter()
        .map(|(_, policy)| json(policy))
        .collect::<Result<Vec<Value>, StoreError>>()?;
    let renews_itself: Vec<bool> = new.iter().map(|(_, policy)| policy.renews_itself()).collect();
    let added = sqlx::query!(
        "insert into policies (id, workspace, host_id, hostname, says, renews_itself, created_at)
             select id, $2, host_id, hostname, says, renews_itself, $6
             from unnest($1::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $7::bool[])
                  as new (id, host_id, hostname, says, renews_itself)
             on conflict (workspace, hostname) where active do nothing
             returning hostname, id",
        &ids,
        workspace.as_str(),
        &hosts,
        &names,
        &says,
        now.get(),
        &renews_itself,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(added
        .into_iter()
        .map(|row| (row.hostname, PolicyId::from_uuid(row.id)))
        .collect())
}

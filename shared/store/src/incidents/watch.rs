//! What the timer looks at: runs with trouble, and what their hosts were last seen to serve.

use domain::Timestamp;
use domain::certificate::{Fingerprint, LookResult, Snapshot};
use domain::host::Criticality;
use domain::ids::{HostId, IncidentId, RunId, WorkspaceId};
use domain::incident::Severity;
use domain::target::Target;
use serde_json::Value;
use uuid::Uuid;

use crate::rows::{at, from_json, from_word};
use crate::{Store, StoreError};

/// A run with trouble, as the record sees its host now.
#[derive(Debug, Clone)]
pub struct Watched {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    pub severity: Severity,
    pub run_id: RunId,
    pub host_id: HostId,
    pub criticality: Criticality,
    pub told_at: Timestamp,
    /// When what the host was last seen to serve ends, at the address where it ends first.
    pub expires_at: Option<Timestamp>,
    /// What the run has issued.
    pub issued: Option<Fingerprint>,
    /// The run asks a person about a host with several targets: one of them may lag behind what is served.
    pub asks_of_targets: bool,
    /// A later live run of the host succeeded.
    pub renewed: bool,
    /// The host served several leaves at one address, and has not been steady since.
    pub is_mixed: bool,
    /// The newest look at each address, if it is newer than the trouble.
    pub seen: Vec<LookResult>,
    /// The leaf that was served before the trouble.
    pub before: Option<Fingerprint>,
}

impl Store {
    /// Up to `limit` runs with trouble behind `after`, by run.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn watched(&self, after: Option<RunId>, limit: i64) -> Result<Vec<Watched>, StoreError> {
        let rows = sqlx::query!(
            r#"select m.workspace, m.incident_id, i.severity, m.run_id, m.host_id, m.criticality, m.told_at,
                      (select s.not_after from snapshots s where s.host_id = m.host_id and s.not_after is not null
                       order by s.taken_at desc, s.not_after limit 1) as seen_end,
                      (select p.product #>> '{leaf,fingerprint}' from run_products_shown p
                       where p.run_id = m.run_id and p.step = 'issue') as issued,
                      (r.phase = 'asking') as "asks!", r.plan -> 'targets' as "targets!",
                      exists (select 1 from runs l where l.host_id = m.host_id and l.status = 'succeeded'
                              and l.mode = 'live' and l.moved_at > m.told_at) as "renewed!",
                      (h.mixed_at is not null) as "mixed!",
                      array(select distinct on (s.dialled) s.seen from snapshots s
                            where s.host_id = m.host_id and s.taken_at > m.told_at
                            order by s.dialled, s.taken_at desc) as "seen!: Vec<Value>",
                      (select s.fingerprint from snapshots s
                       where s.host_id = m.host_id and s.taken_at <= m.told_at and s.fingerprint is not null
                       order by s.taken_at desc limit 1) as before
               from incident_members m join incidents i on i.id = m.incident_id join runs r on r.id = m.run_id
                    join hosts h on h.id = m.host_id
               where m.closed_at is null and i.state in ('open', 'acknowledged') and ($1::uuid is null or m.run_id > $1)
               order by m.run_id limit $2"#,
            after.map(RunId::get),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let watched = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("incident_members", row.run_id, why);
            let fingerprint = |text: String| from_json::<Fingerprint>(Value::String(text));
            Ok(Watched {
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                incident: IncidentId::from_uuid(row.incident_id),
                severity: from_word(row.severity).map_err(corrupt)?,
                run_id: RunId::from_uuid(row.run_id),
                host_id: HostId::from_uuid(row.host_id),
                criticality: from_word(row.criticality).map_err(corrupt)?,
                told_at: at(row.told_at),
                expires_at: row.seen_end.map(at),
                issued: row.issued.map(fingerprint).transpose().map_err(corrupt)?,
                asks_of_targets: row.asks && targets(row.targets).map_err(corrupt)?.len() > 1,
                renewed: row.renewed,
                is_mixed: row.mixed,
                seen: seen(row.seen).map_err(|why| StoreError::corrupt("snapshots", row.host_id, why))?,
                before: row.before.map(fingerprint).transpose().map_err(corrupt)?,
            })
        });
        watched.collect()
    }
}

fn targets(stored: Value) -> Result<Vec<Target>, String> {
    from_json(stored)
}

fn seen(stored: Vec<Value>) -> Result<Vec<LookResult>, String> {
    let all = stored.into_iter().map(from_json::<Snapshot>);
    all.map(|snapshot| Ok(snapshot?.seen)).collect()
}

impl super::IncidentTx {
    /// The trouble of one run is over, unless it was told of again since.
    pub async fn mend_run(&mut self, watched: &Watched, now: Timestamp, why: &str) -> Result<bool, StoreError> {
        let id: Uuid = watched.run_id.get();
        let done = sqlx::query!(
            "update incident_members set closed_at = $4, closed_because = $5
             where workspace = $1 and run_id = $2 and closed_at is null and told_at = $3",
            self.workspace.as_str(),
            id,
            watched.told_at.get(),
            now.get(),
            why,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

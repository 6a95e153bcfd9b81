//! Troubles of hosts that no run tells of: which are new, which are over, and the incidents that
//! they are in.

use std::time::Duration;

use domain::Timestamp;
use domain::host::Criticality;
use domain::ids::{HostId, IncidentId, WorkspaceId};
use domain::incident::Severity;
use domain::observation::trouble::Trouble;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{Group, IncidentTx};
use crate::rows::{at, from_json, from_word, word, words};
use crate::{Store, StoreError};

/// A trouble of a host under an active policy of which no notification was sent.
#[derive(Debug, Clone)]
pub struct HostTrouble {
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub hostname: String,
    pub criticality: Criticality,
    pub trouble: Trouble,
    pub since: Timestamp,
    pub said: String,
    /// Who wants to hear of it: addresses of its policy.
    pub notify: Vec<String>,
}

/// A trouble that was told, and is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubleOver {
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub trouble: Trouble,
}

/// Open incidents of one kind of trouble.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownTroubles {
    /// That of many hosts.
    pub common: Option<IncidentId>,
    /// Those of single hosts that were opened lately, the oldest first; no person has acknowledged
    /// them.
    pub alone: Vec<IncidentId>,
}

impl Store {
    /// Up to `limit` troubles that were not told, by workspace and kind.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn troubles_to_tell(&self, now: Timestamp, limit: i64) -> Result<Vec<HostTrouble>, StoreError> {
        let kinds = Kinds::all();
        let rows = sqlx::query!(
            r#"with kinds as (
                   select * from unnest($4::text[], $5::interval[], $6::bool[]) as u (trouble, told_after, of_schedule)),
               found as (
                   select h.id, t.key as trouble, (t.value ->> 'since')::timestamptz as since, t.value ->> 'said' as said
                   from hosts h cross join lateral jsonb_each(h.troubles) t join kinds k on k.trouble = t.key
                   where h.troubles is not null
                     and h.last_seen_at >= (t.value ->> 'since')::timestamptz + k.told_after
                   union all
                   select h.id, 'never_seen', p.created_at,
                          case when h.last_seen_at is null then 'it was never looked at' else 'no look has found one' end
                   from hosts h join policies p on p.host_id = h.id and p.active
                   where not h.has_served and p.created_at <= $1::timestamptz - $2::interval
                     and not exists (select 1 from snapshots s where s.host_id = h.id and s.not_after is not null)
                     and not exists (select 1 from incident_members m where m.host_id = h.id and m.closed_at is null)
                     and not exists (select 1 from runs r where r.policy_id = p.id and r.mode = 'live' and r.phase <> 'ended'))
               select h.workspace, h.id, h.hostname, h.criticality, f.trouble as "trouble!",
                      f.since as "since!", f.said as "said!", p.says -> 'notify_on_failure' as notify
               from found f join kinds on kinds.trouble = f.trouble join hosts h on h.id = f.id
                    join policies p on p.host_id = h.id and p.active
               where not exists (select 1 from host_troubles k where k.host_id = f.id and k.trouble = f.trouble)
                 and (p.renews_itself or not kinds.of_schedule)
               order by h.workspace, f.trouble, h.id limit $3"#,
            now.get(),
            interval(Trouble::NeverSeen.told_after()),
            limit,
            &kinds.words,
            &kinds.told_after,
            &kinds.of_schedule,
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("hosts", row.id, why);
            Ok(HostTrouble {
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                host_id: HostId::from_uuid(row.id),
                hostname: row.hostname,
                criticality: from_word(row.criticality).map_err(corrupt)?,
                trouble: from_word(row.trouble).map_err(corrupt)?,
                since: at(row.since),
                said: row.said,
                notify: row.notify.map_or_else(|| Ok(Vec::new()), from_json).map_err(corrupt)?,
            })
        });
        found.collect()
    }

    /// Troubles that were told and that no host has any more: the next look was good, or no policy
    /// cares.
    pub async fn troubles_over(&self) -> Result<Vec<TroubleOver>, StoreError> {
        let kinds = Kinds::all();
        let rows = sqlx::query!(
            r#"with kinds as (select * from unnest($1::text[], $2::bool[]) as u (trouble, of_schedule))
               select k.workspace, k.host_id, k.trouble from host_troubles k join hosts h on h.id = k.host_id
                    join kinds on kinds.trouble = k.trouble
               where not exists (
                   select 1 from policies p where p.host_id = k.host_id and p.active
                     and (p.renews_itself is not false or not kinds.of_schedule)
                     and case when k.trouble = 'never_seen'
                              then not h.has_served and not exists (
                                   select 1 from snapshots s where s.host_id = h.id and s.not_after is not null)
                              else coalesce(h.troubles ? k.trouble, false) end)"#,
            &kinds.words,
            &kinds.of_schedule,
        )
        .fetch_all(&self.pool)
        .await?;
        let over = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("host_troubles", row.host_id, why);
            Ok(TroubleOver {
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                host_id: HostId::from_uuid(row.host_id),
                trouble: from_word(row.trouble).map_err(corrupt)?,
            })
        });
        over.collect()
    }
}

/// What the domain says of each kind of trouble, for statements. A kind of a later version is left
/// to that one.
struct Kinds {
    words: Vec<String>,
    told_after: Vec<PgInterval>,
    of_schedule: Vec<bool>,
}

impl Kinds {
    fn all() -> Self {
        Self {
            words: Trouble::ALL.iter().map(word).collect(),
            told_after: Trouble::ALL.iter().map(|kind| interval(kind.told_after())).collect(),
            of_schedule: Trouble::ALL.iter().map(|kind| kind.is_of_schedule()).collect(),
        }
    }
}

fn interval(length: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(length.as_micros()).unwrap_or(i64::MAX),
    }
}

impl IncidentTx {
    /// Takes down that these are told now; gives the hosts for which no other replica has done so.
    pub async fn claim_troubles(&mut self, found: &[&HostTrouble]) -> Result<Vec<HostId>, StoreError> {
        let hosts: Vec<Uuid> = found.iter().map(|one| one.host_id.get()).collect();
        let kinds: Vec<String> = found.iter().map(|one| word(one.trouble)).collect();
        let since: Vec<_> = found.iter().map(|one| one.since.get()).collect();
        let taken = sqlx::query_scalar!(
            "insert into host_troubles (host_id, trouble, workspace, since)
             select host_id, trouble, $4, since from unnest($1::uuid[], $2::text[], $3::timestamptz[])
                    as new (host_id, trouble, since)
             on conflict do nothing returning host_id",
            &hosts,
            &kinds,
            &since,
            self.workspace.as_str(),
        );
        Ok(taken
            .fetch_all(&mut *self.tx)
            .await?
            .into_iter()
            .map(HostId::from_uuid)
            .collect())
    }

    pub async fn known_troubles(&mut self, trouble: Trouble, since: Timestamp) -> Result<KnownTroubles, StoreError> {
        let rows = sqlx::query!(
            "select id, common from incidents
             where workspace = $1 and cause_code = $2 and run_id is null
               and (common and state in ('open', 'acknowledged') or state = 'open' and opened_at >= $3)
             order by common desc, id limit 100",
            self.workspace.as_str(),
            trouble.code(),
            since.get(),
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let of = |common: bool| rows.iter().filter(move |row| row.common == common);
        Ok(KnownTroubles {
            common: of(true).map(|row| IncidentId::from_uuid(row.id)).next(),
            alone: of(false).map(|row| IncidentId::from_uuid(row.id)).collect(),
        })
    }

    /// These hosts are told of in this incident, beside those that were in one of `others`.
    pub async fn put_troubles(
        &mut self,
        trouble: Trouble,
        hosts: &[HostId],
        into: IncidentId,
        others: &[IncidentId],
    ) -> Result<(), StoreError> {
        let hosts: Vec<Uuid> = hosts.iter().map(|host| host.get()).collect();
        let others: Vec<Uuid> = others.iter().map(|id| id.get()).collect();
        sqlx::query!(
            "update host_troubles set incident_id = $4
             where workspace = $1 and trouble = $2 and (host_id = any($3) or incident_id = any($5))",
            self.workspace.as_str(),
            word(trouble),
            &hosts,
            into.get(),
            &others,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// How many hosts an incident tells of, and the names of the first of them.
    pub async fn troubled_hosts(&mut self, id: IncidentId, names: i64) -> Result<(i64, Vec<String>), StoreError> {
        let rows = sqlx::query!(
            r#"select h.hostname, count(*) over () as "count!" from host_troubles k join hosts h on h.id = k.host_id
               where k.incident_id = $1 order by h.hostname limit $2"#,
            id.get(),
            names,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let count = rows.first().map_or(0, |row| row.count);
        Ok((count, rows.into_iter().map(|row| row.hostname).collect()))
    }

    /// What the incident of many hosts says now; it is at least as severe as that.
    pub async fn retell(&mut self, id: IncidentId, group: &Group, severity: Severity) -> Result<(), StoreError> {
        sqlx::query!(
            "update incidents set title = $3, detail = $4, common = true,
                    severity = case when severity = any($6) then $5 else severity end
             where workspace = $1 and id = $2",
            self.workspace.as_str(),
            id.get(),
            group.title,
            group.detail,
            word(severity),
            &words(severity.below()),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Forgets that it was told. Gives the incident that it was in, unless a person has closed
    /// that.
    pub async fn trouble_over(&mut self, over: &TroubleOver) -> Result<Option<IncidentId>, StoreError> {
        let was = sqlx::query_scalar!(
            "delete from host_troubles where workspace = $1 and host_id = $2 and trouble = $3 returning incident_id",
            self.workspace.as_str(),
            over.host_id.get(),
            word(over.trouble),
        );
        let was = was.fetch_optional(&mut *self.tx).await?.flatten();
        Ok(was.map(IncidentId::from_uuid))
    }

    /// A person has closed it: what it told of is not told again before it is over.
    pub(super) async fn silence_troubles(&mut self, id: IncidentId) -> Result<(), StoreError> {
        sqlx::query!(
            "update host_troubles set incident_id = null where incident_id = $1",
            id.get()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

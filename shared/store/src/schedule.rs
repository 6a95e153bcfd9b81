//! Which policies the clock judges next, and what it said.

use domain::ari::Suggestion;
use domain::certificate::{LookResult, Snapshot};
use domain::clock::Timestamp;
use domain::ids::{PolicyId, RunId};
use domain::policy::Policy;
use domain::run::{Status, Trigger};
use domain::window::Window;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::policies::Row;
use crate::renewal_info::suggestion;
use crate::rows::{at, from_json, from_word, word};
use crate::{LedgerTx, Store, StoreError, pacing};

/// A policy with what its judgement needs.
#[derive(Debug, Clone)]
pub struct ToJudge {
    pub policy: Policy,
    /// The validity of the certificate that was seen last at its host.
    pub served: Option<(Timestamp, Timestamp)>,
    /// What the CA suggests for that certificate.
    pub suggested: Option<Suggestion>,
    /// Its newest live run, and when that moved last.
    pub last: Option<(RunId, Status, Timestamp)>,
    /// Whether the schedule made that run.
    pub last_by_schedule: bool,
    /// Those of the tags of its host.
    pub tag_windows: Vec<Window>,
    /// The CA's window for it has jumped into the past: it wants that certificate gone.
    pub called: bool,
}

/// What the clock said of a policy.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub policy: PolicyId,
    pub due_at: Option<Timestamp>,
    pub judge_at: Timestamp,
    pub why: String,
    /// Due, and its run is not created for money.
    pub waits_for_budget: bool,
}

impl Store {
    /// Takes policies whose judgement is due; no other planner gets them before `in_hand_until`.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn policies_to_judge(
        &self,
        now: Timestamp,
        claimed_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ToJudge>, StoreError> {
        let rows = sqlx::query!(
            r#"with taken as (
                   update policies set judge_at = $2
                   where id in (select id from policies where active and judge_at <= $1
                                order by judge_at limit $3 for update skip locked)
                   returning id, workspace, host_id, says, created_at)
               select t.id as "id!", t.workspace as "workspace!", t.host_id as "host_id!", t.says as "says!",
                      t.created_at as "created_at!", served.seen as "seen?",
                      last.id as "run?", last.status as "status?", last.moved_at as "moved_at?",
                      last.trigger as "trigger?",
                      ari.window_start as "window_start?", ari.window_end as "window_end?",
                      ari.explanation_url as "explanation_url?", (ari.called_at is not null) as "called!",
                      tags.windows as "windows?"
               from taken t
               left join lateral (select seen from snapshots
                                  where host_id = t.host_id and not_after is not null
                                  order by taken_at desc, not_after limit 1) served on true
               left join lateral (select id, status, moved_at, trigger from runs
                                  where host_id = t.host_id and policy_id = t.id and mode = 'live'
                                  order by id desc limit 1) last on true
               left join lateral (select jsonb_agg(w.windows order by w.tag) as windows
                                  from tag_windows w join hosts h on h.id = t.host_id
                                  where w.workspace = h.workspace and h.says -> 'tags' ? w.tag) tags on true
               left join renewal_info ari on ari.host_id = t.host_id"#,
            now.get(),
            claimed_until.get(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let judged = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("runs", row.id, why);
            let last = match (row.run, row.status, row.moved_at) {
                (Some(run), Some(status), Some(moved_at)) => {
                    let status = from_word(status).map_err(corrupt)?;
                    Some((RunId::from_uuid(run), status, at(moved_at)))
                }
                (_, _, _) => None,
            };
            let tag_windows = pacing::all(row.windows).map_err(corrupt)?;
            let served = row.seen.map(|seen| life(row.id, seen)).transpose()?.flatten();
            let suggested = suggestion(row.window_start, row.window_end, row.explanation_url).map_err(corrupt)?;
            let (id, workspace, host_id) = (row.id, row.workspace, row.host_id);
            let policy = Row {
                id,
                workspace,
                host_id,
                says: row.says,
                created_at: row.created_at,
            }
            .try_into()?;
            Ok(ToJudge {
                policy,
                served,
                suggested,
                last,
                last_by_schedule: row.trigger == Some(word(Trigger::Schedule)),
                tag_windows,
                called: row.called,
            })
        });
        judged.collect()
    }

    /// Writes down what was said of policies that were taken until this instant. What has happened
    /// since they were taken (a run has ended, another certificate was seen) was not judged: they
    /// are judged again when that said. What another transaction changes in this moment is left to the
    /// next judgement: no transaction is waited for that may wait for this one.
    pub async fn keep_judgements(&self, judgements: &[Judgement], claimed_until: Timestamp) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = judgements.iter().map(|one| one.policy.get()).collect();
        let due: Vec<Option<OffsetDateTime>> = judgements.iter().map(|one| one.due_at.map(Timestamp::get)).collect();
        let next: Vec<OffsetDateTime> = judgements.iter().map(|one| one.judge_at.get()).collect();
        let why: Vec<String> = judgements.iter().map(|one| one.why.clone()).collect();
        let waits: Vec<bool> = judgements.iter().map(|one| one.waits_for_budget).collect();
        sqlx::query!(
            "with free as (select id from policies where id = any($1) for no key update skip locked)
             update policies p
             set due_at = new.due_at, due_why = new.why, waits_for_budget = new.waits,
                 judge_at = case when p.judge_at = $6 then new.judge_at else least(p.judge_at, new.judge_at) end
             from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::bool[])
                  as new (id, due_at, judge_at, why, waits)
                  join free on free.id = new.id
             where p.id = new.id",
            &ids,
            &due as &[Option<OffsetDateTime>],
            &next,
            &why,
            &waits,
            claimed_until.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl LedgerTx {
    /// Live runs of these policies have ended: the clock judges them again at once, by what is
    /// served now. Hosts that were in trouble before are looked at again: a run does not say that
    /// all of it is over.
    pub async fn judge_again(&mut self, policies: &[PolicyId], now: Timestamp) -> Result<(), StoreError> {
        if policies.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = policies.iter().map(|id| id.get()).collect();
        sqlx::query!(
            "with troubled as (select h.id from policies p join hosts h on h.id = p.host_id
                               where p.id = any($1) and (h.troubles is not null or not h.has_served)
                               order by h.id for no key update of h skip locked),
                  looked_at as (update hosts h set next_probe_at = least(h.next_probe_at, $2) from troubled
                                where h.id = troubled.id),
                  judged as (select id from policies where id = any($1) and active and judge_at > $2
                             order by id for no key update)
             update policies p set judge_at = $2 from judged where p.id = judged.id",
            &ids,
            now.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

fn life(policy: Uuid, seen: Value) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let snapshot: Snapshot = from_json(seen).map_err(|why| StoreError::corrupt("snapshots", policy, why))?;
    Ok(match snapshot.seen {
        LookResult::Served(served) => Some((served.leaf.not_before, served.leaf.not_after)),
        LookResult::Unreachable { .. } => None,
    })
}

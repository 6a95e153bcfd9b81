//! The ledger's transaction: the only writer of runs. Short, and never across a network call of
//! another kind.

mod facts;
mod outbox;
mod products;

use std::collections::{HashMap, HashSet};

use domain::Timestamp;
use domain::ca::CaRef;
use domain::certificate::{CertificateFacts, LookResult, Snapshot};
use domain::ids::{HostId, RunId, WorkspaceId};
use domain::plan::Lane;
use domain::run::{Status, outwaits_at};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

pub use products::Product;

use crate::accounts::AccountKey;
use crate::error::exactly;
use crate::rows::{from_json, json};
use crate::runs::{Columns, LoadedRun, RunRow, run_rows};
use crate::snapshot_row::SnapshotRow;
use crate::steps::{self, StepRecord};
use crate::{Act, Store, StoreError, accounts, acts, quarantine, snapshots};

/// Any constant: it stands for "the lanes" among Postgres' advisory locks.
const LANES: i64 = 0x7669_6769_6c6f;

/// How many orders of a lane are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRoom {
    pub lane: Lane,
    pub out: i64,
    /// Of these, how many have been out for long.
    pub slow: i64,
}

/// What went out before the first of these instants is counted elsewhere; before the second, it is
/// slow.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    pub counted: Timestamp,
    pub quick: Timestamp,
}

/// Every statement of the ledger has an index that gives it its few rows. Postgres must not believe
/// otherwise from the statistics of a minute ago, when the table was empty: a plan that reads all
/// that waits makes each step dearer the more runs there are. Index scans also clear away the
/// entries of rows that moved on, which bitmap scans leave.
const BEGIN: &str = "begin; set local enable_seqscan = off; set local enable_bitmapscan = off";

pub struct LedgerTx {
    pub(crate) tx: Transaction<'static, Postgres>,
}

impl Store {
    /// How many orders per lane went out before this instant and have not been answered. They may
    /// be many: it is not for every transaction to count them.
    pub async fn out_before(&self, instant: Timestamp) -> Result<Vec<LaneRoom>, StoreError> {
        let rows = sqlx::query!(
            r#"select lane as "lane!", count(*) as "out!" from runs
               where phase = 'out' and lane is not null and quarantined is null and moved_at < $1 group by lane"#,
            instant.get(),
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        let room = rows.map(|row| LaneRoom {
            lane: Lane::new(row.lane),
            out: row.out,
            slow: row.out,
        });
        Ok(room.collect())
    }

    pub async fn ledger(&self) -> Result<LedgerTx, StoreError> {
        Ok(LedgerTx {
            tx: self.pool.begin_with(BEGIN).await?,
        })
    }
}

impl LedgerTx {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }

    /// Locks these runs in the order of their ids, so that two ledgers never wait for each other in
    /// a circle.
    pub async fn load(&mut self, ids: &[RunId]) -> Result<Vec<LoadedRun>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.get()).collect();
        let rows = run_rows!(
            "select " + columns + " from runs where id = any($1) order by id for update",
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter().map(LoadedRun::try_from).collect()
    }

    /// Loads runs by their ids, of one workspace only; others are not found.
    pub async fn load_of(&mut self, workspace: &WorkspaceId, ids: &[RunId]) -> Result<Vec<LoadedRun>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.get()).collect();
        let rows = run_rows!(
            "select " + columns + " from runs where workspace = $1 and id = any($2) order by id for update",
            workspace.as_str(),
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter().map(LoadedRun::try_from).collect()
    }

    /// Locks runs whose order is past its deadline.
    pub async fn overdue(&mut self, now: Timestamp, limit: i64) -> Result<Vec<LoadedRun>, StoreError> {
        let rows = run_rows!(
            "select "
                + columns
                + " from runs where phase = 'out' and due_at < $1 and quarantined is null
             order by id limit $2 for update skip locked",
            now.get(),
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        quarantine::sound(&mut self.tx, rows).await
    }

    /// Locks runs that ask a person and try again by themselves now.
    pub async fn due_again(&mut self, now: Timestamp, limit: i64) -> Result<Vec<LoadedRun>, StoreError> {
        let rows = run_rows!(
            "select "
                + columns
                + " from runs where phase = 'asking' and due_at <= $1 and quarantined is null
             order by id limit $2 for update skip locked",
            now.get(),
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        quarantine::sound(&mut self.tx, rows).await
    }

    /// Runs that have waited for a limit of their CA for as long as they can. Each is found once
    /// for each wait.
    pub async fn outwaited(&mut self, now: Timestamp, limit: i64) -> Result<Vec<LoadedRun>, StoreError> {
        let rows = run_rows!(
            "update runs set outwaits_at = null
             where id in (select id from runs where outwaits_at <= $1 and phase = 'waiting' and held is null
                            and quarantined is null
                          order by outwaits_at limit $2 for update skip locked)
             returning "
                + columns
                + "",
            now.get(),
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        quarantine::sound(&mut self.tx, rows).await
    }

    /// How many orders are out per lane. Holds the lanes until the commit, so that replicas never
    /// overdraw a window; row locks are taken before it or skipped, so there is no deadlock.
    pub async fn lanes(&mut self, since: Since) -> Result<Vec<LaneRoom>, StoreError> {
        sqlx::query!("select pg_advisory_xact_lock($1)", LANES)
            .execute(&mut *self.tx)
            .await?;
        let rows = sqlx::query!(
            r#"select lane as "lane!", count(*) as "out!", count(*) filter (where moved_at < $2) as "slow!" from runs
               where phase = 'out' and lane is not null and quarantined is null and moved_at >= $1 group by lane"#,
            since.counted.get(),
            since.quick.get(),
        );
        let rows = rows.fetch_all(&mut *self.tx).await?.into_iter();
        let room = rows.map(|row| LaneRoom {
            lane: Lane::new(row.lane),
            out: row.out,
            slow: row.slow,
        });
        Ok(room.collect())
    }

    /// The lanes in which runs wait, found by jumping through the index from one to the next.
    pub async fn waiting_lanes(&mut self) -> Result<Vec<Lane>, StoreError> {
        let lanes = sqlx::query_scalar!(
            r#"with recursive l as (
                 (select lane from runs where phase = 'waiting' and held is null order by lane limit 1)
                 union all
                 select (select r.lane from runs r where r.phase = 'waiting' and r.held is null and r.lane > l.lane
                          order by r.lane limit 1)
                 from l where l.lane is not null)
               select lane as "lane!" from l where lane is not null"#
        );
        Ok(lanes
            .fetch_all(&mut *self.tx)
            .await?
            .into_iter()
            .map(Lane::new)
            .collect())
    }

    /// Locks the runs whose turn it is: per lane at most so many, by their turn, then the longest
    /// due.
    pub async fn next_in_lanes(&mut self, free: &[(Lane, i64)], now: Timestamp) -> Result<Vec<LoadedRun>, StoreError> {
        let lanes: Vec<String> = free.iter().map(|(lane, _)| lane.as_str().to_owned()).collect();
        let room: Vec<i64> = free.iter().map(|(_, room)| *room).collect();
        let rows = run_rows!(
            "select "
                + columns
                + " from unnest($1::text[], $2::bigint[]) as l (queue, room)
               cross join lateral (select * from runs where phase = 'waiting' and lane = l.queue and due_at <= $3
                                     and held is null and quarantined is null
                                   order by turn, due_at, id limit l.room for update skip locked) r",
            &lanes,
            &room,
            now.get(),
        )
        .fetch_all(&mut *self.tx)
        .await?;
        quarantine::sound(&mut self.tx, rows).await
    }

    /// Writes where these locked runs stand now. What was sent before holds for the old place only;
    /// what is known to be published of these runs is marked by the way.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn save<'a>(
        &mut self,
        moved: impl IntoIterator<Item = &'a LoadedRun>,
        published: &HashMap<RunId, Status>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut columns, mut announced, mut outwaits) = (Columns::default(), Vec::new(), Vec::new());
        for run in moved {
            columns.push(&run.head, &run.plan, &run.state)?;
            outwaits.push(outwaits_at(&run.state, &run.plan, now).map(Timestamp::get));
            announced.push(published.get(&run.head.id).map(|status| status.as_str().to_owned()));
        }
        if columns.ids.is_empty() {
            return Ok(());
        }
        let saved = sqlx::query!(
            "update runs r
             set status = u.status, phase = u.phase, step = u.step, lane = u.lane, due_at = u.due_at,
                 attempt = u.attempt, failures = u.failures, because = u.because, question = u.question,
                 ending = u.ending, checkpoint = u.checkpoint, cancelled_by = u.cancelled_by, course = u.course,
                 current_ca = u.current_ca, current_cost_micro_usd = u.current_cost_micro_usd,
                 trouble_code = u.trouble_code, facts_at = $15, moved_at = $15, sent = false,
                 outwaits_at = case when u.outwaits_at is not null then least(u.outwaits_at, r.outwaits_at) end,
                 announced = coalesce(u.announced, r.announced)
             from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::int[],
                         $8::int[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::text[],
                         $14::jsonb[], $16::text[], $17::timestamptz[], $18::text[], $19::bigint[], $20::text[])
                  as u (id, status, phase, step, lane, due_at, attempt, failures, because, question, ending, checkpoint,
                        cancelled_by, course, announced, outwaits_at, current_ca, current_cost_micro_usd,
                        trouble_code)
             where r.id = u.id",
            &columns.ids,
            &columns.statuses,
            &columns.phases,
            &columns.steps as &[Option<String>],
            &columns.lanes as &[Option<String>],
            &columns.due as &[Option<OffsetDateTime>],
            &columns.attempts,
            &columns.failures,
            &columns.because as &[Option<Value>],
            &columns.questions as &[Option<Value>],
            &columns.endings as &[Option<Value>],
            &columns.checkpoints as &[Option<Value>],
            &columns.cancelled as &[Option<String>],
            &columns.courses,
            now.get(),
            &announced as &[Option<String>],
            &outwaits as &[Option<OffsetDateTime>],
            &columns.facts.cas,
            &columns.facts.costs as &[Option<i64>],
            &columns.facts.troubles as &[Option<String>],
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("save runs", columns.ids.len(), saved.rows_affected())
    }

    /// Writes the plans of these locked runs anew: the one change of a plan, when a person lets it
    /// go on by today's policy.
    pub async fn amend(&mut self, runs: &[&LoadedRun]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = runs.iter().map(|run| run.head.id.get()).collect();
        let plans: Vec<Value> = runs.iter().map(|run| json(&run.plan)).collect::<Result<_, _>>()?;
        let done = sqlx::query!(
            "update runs r set plan = u.plan from unnest($1::uuid[], $2::jsonb[]) as u (id, plan) where r.id = u.id",
            &ids,
            &plans,
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("amend plans", ids.len(), done.rows_affected())
    }

    pub async fn keep_steps(&mut self, records: &[StepRecord]) -> Result<(), StoreError> {
        steps::keep(&mut self.tx, records).await
    }

    /// What a host served when it was last seen serving something.
    pub async fn last_served(
        &mut self,
        workspace: &WorkspaceId,
        host: HostId,
    ) -> Result<Option<CertificateFacts>, StoreError> {
        let seen = sqlx::query_scalar!(
            "select seen from snapshots where workspace = $1 and host_id = $2 and fingerprint is not null
             order by taken_at desc limit 1",
            workspace.as_str(),
            host.get(),
        );
        let Some(seen) = seen.fetch_optional(&mut *self.tx).await? else {
            return Ok(None);
        };
        let snapshot: Snapshot = from_json(seen).map_err(|why| StoreError::corrupt("snapshots", host, why))?;
        Ok(match snapshot.seen {
            LookResult::Served(served) => Some(served.leaf),
            LookResult::Unreachable { .. } => None,
        })
    }

    pub async fn keep_acts(&mut self, done: &[Act]) -> Result<(), StoreError> {
        acts::keep(&mut self.tx, done).await
    }

    /// Which of these hosts serve several certificates by turns.
    pub async fn mixed(&mut self, hosts: &[HostId]) -> Result<HashSet<HostId>, StoreError> {
        snapshots::mixed(&mut self.tx, hosts).await
    }

    pub async fn keep_snapshots(&mut self, rows: &[SnapshotRow]) -> Result<(), StoreError> {
        snapshots::keep(&mut self.tx, rows).await
    }

    pub async fn keep_accounts(&mut self, keys: &[AccountKey], now: Timestamp) -> Result<(), StoreError> {
        accounts::keep(&mut self.tx, keys, now).await
    }

    /// Begins new accounts at the CAs that these runs ask about: the present keys are kept aside.
    /// Gives how many there were.
    pub async fn retire_accounts(
        &mut self,
        refused: &[(RunId, CaRef)],
        by: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        accounts::retire(&mut self.tx, refused, by, now).await
    }

    pub async fn accounts(&mut self, workspaces: &[String], cas: &[CaRef]) -> Result<Vec<AccountKey>, StoreError> {
        accounts::load(&mut self.tx, workspaces, cas).await
    }
}

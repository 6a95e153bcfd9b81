//! How the runs of a job stand, and what holds them back.

use domain::ca::CaRef;
use domain::disposition::ErrorCode;
use domain::ids::{JobId, RunId};
use domain::job::{Job, Progress, Traits};
use domain::run::Status;
use domain::{Invalid, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::JobTx;
use crate::budget::costs_of;
use crate::{Store, StoreError};

/// How many runs with these traits have settled in this way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub traits: Traits,
    /// Why they failed or ask; none: they succeeded.
    pub code: Option<ErrorCode>,
    pub runs: u32,
}

/// A locked run that has not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub run: RunId,
    pub traits: Traits,
    pub in_cohort: bool,
    pub held: Option<String>,
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

async fn progress(db: &mut PgConnection, job: JobId, refused: u32) -> Result<Progress, StoreError> {
    let rows = sqlx::query!(
        r#"select status, held is not null as "held!", count(*) as "n!" from runs where job_id = $1 group by 1, 2"#,
        job.get(),
    );
    let mut progress = Progress {
        refused,
        ..Progress::default()
    };
    for row in rows.fetch_all(db).await? {
        let unknown = || StoreError::corrupt("runs", job, format!("{:?} is no status", row.status));
        let status = Status::parse(&row.status).ok_or_else(unknown)?;
        progress.add(status, row.held, count(row.n));
    }
    Ok(progress)
}

impl Store {
    pub async fn job_progress(&self, job: &Job) -> Result<Progress, StoreError> {
        let mut db = self.pool.acquire().await?;
        progress(&mut db, job.id, job.refused).await
    }

    /// What the certificates cost that were issued for the job so far, in millionths of a US dollar.
    pub async fn job_cost(&self, job: JobId) -> Result<u64, StoreError> {
        let row = sqlx::query!(
            r#"select coalesce(sum(r.current_cost_micro_usd) filter (where r.facts_at = r.moved_at), 0)::bigint as "cost!",
                      coalesce(jsonb_agg(jsonb_build_array(r.plan, r.course))
                               filter (where r.facts_at is distinct from r.moved_at), '[]') as "unread!"
               from runs r
               where r.job_id = $1 and r.mode = 'live'
                 and exists (select 1 from run_products p where p.run_id = r.id and p.step = 'issue')"#,
            job.get(),
        );
        let row = row.fetch_one(&self.pool).await?;
        let unread = costs_of(row.unread).map_err(|why| StoreError::corrupt("runs", job, why))?;
        let of_unread: u64 = unread.into_iter().flatten().fold(0, u64::saturating_add);
        Ok(u64::try_from(row.cost).unwrap_or(0).saturating_add(of_unread))
    }

    /// Runs of a job that have not ended and were not told to, the oldest first.
    pub async fn open_runs_of_job(&self, job: JobId, limit: i64) -> Result<Vec<RunId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from runs where job_id = $1 and phase <> 'ended' and cancelled_by is null order by id limit $2",
            job.get(),
            limit,
        );
        let ids = ids.fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(RunId::from_uuid).collect())
    }
}

impl JobTx {
    pub async fn progress(&mut self, job: &Job) -> Result<Progress, StoreError> {
        progress(&mut self.tx, job.id, job.refused).await
    }

    /// How many runs of the first cohort go on by themselves still.
    pub async fn cohort_open(&mut self) -> Result<u32, StoreError> {
        let open = sqlx::query_scalar!(
            r#"select count(*) as "n!" from job_lines l join runs r on r.id = l.run_id
               where l.job_id = $1 and l.cohort and r.phase in ('waiting', 'out')"#,
            self.id.get(),
        );
        Ok(count(open.fetch_one(&mut *self.tx).await?))
    }

    /// How those that have settled since `from` came out, by what they share. To blame is the CA that was asked last, which
    /// need not be the one of the plan. A run that an earlier version has saved counts as soon as its facts are kept.
    pub async fn settled(&mut self, from: Timestamp) -> Result<Vec<Standing>, StoreError> {
        let rows = sqlx::query!(
            r#"select r.current_ca as "ca!", l.zone as "zone!", l.target as "target!", r.trouble_code as code,
                      count(*) as "n!"
               from runs r join job_lines l on l.run_id = r.id
               where r.job_id = $1 and r.status in ('succeeded', 'failed', 'needs_manual') and r.moved_at >= $2
                 and r.facts_at = r.moved_at
               group by 1, 2, 3, 4"#,
            self.id.get(),
            from.get(),
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        let standing = rows.into_iter().map(|row| {
            Ok(Standing {
                traits: Traits {
                    ca: ca(&row.ca, self.id)?,
                    zone: row.zone,
                    target: row.target,
                },
                code: row.code.map(ErrorCode::new),
                runs: count(row.n),
            })
        });
        standing.collect()
    }

    /// Runs of the job that are under way, or may be at any moment.
    pub async fn going(&mut self) -> Result<u32, StoreError> {
        let going = sqlx::query_scalar!(
            r#"select count(*) as "n!" from runs where job_id = $1 and held is null and phase in ('waiting', 'out')"#,
            self.id.get(),
        );
        Ok(count(going.fetch_one(&mut *self.tx).await?))
    }

    /// Lets at most so many runs go that are held for this reason and due; gives back how many went.
    pub async fn let_in(&mut self, held: &str, places: u32, now: Timestamp) -> Result<u64, StoreError> {
        let went = sqlx::query!(
            "update runs set held = null
             where id in (select id from runs where job_id = $1 and held = $2 and phase = 'waiting' and due_at <= $3
                          order by id limit $4 for update skip locked)",
            self.id.get(),
            held,
            now.get(),
            i64::from(places),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(went.rows_affected())
    }

    /// Locks runs behind this one that have not begun, in the order of their ids.
    pub async fn not_begun(&mut self, after: RunId, limit: i64) -> Result<Vec<Held>, StoreError> {
        let rows = sqlx::query!(
            r#"select r.id, r.held, l.ca as "ca!", l.zone as "zone!", l.target as "target!", l.cohort
               from runs r join job_lines l on l.run_id = r.id
               where r.job_id = $1 and r.id > $2 and r.phase = 'waiting' and r.attempt = 0
               order by r.id limit $3 for update of r"#,
            self.id.get(),
            after.get(),
            limit,
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        let held = rows.into_iter().map(|row| {
            Ok(Held {
                run: RunId::from_uuid(row.id),
                traits: Traits {
                    ca: ca(&row.ca, self.id)?,
                    zone: row.zone,
                    target: row.target,
                },
                in_cohort: row.cohort,
                held: row.held,
            })
        });
        held.collect()
    }

    /// Holds these locked runs for these reasons, or lets them go.
    pub async fn hold(&mut self, runs: &[(RunId, Option<String>)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|(run, _)| run.get()).collect();
        let held: Vec<Option<String>> = runs.iter().map(|(_, held)| held.clone()).collect();
        sqlx::query!(
            "update runs r set held = u.held from unnest($1::uuid[], $2::text[]) as u (id, held) where r.id = u.id",
            &ids,
            &held as &[Option<String>],
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

fn ca(text: &str, job: JobId) -> Result<CaRef, StoreError> {
    text.parse()
        .map_err(|e: Invalid| StoreError::corrupt("job_lines", job, e))
}

//! The runs of a plan, created as they stand in its lines: no second decision.

use domain::Timestamp;
use domain::ids::RunId;
use domain::job::{Job, Refusal};
use domain::run::{Status, Trigger};
use uuid::Uuid;

use super::JobTx;
use crate::StoreError;
use crate::rows::{column, number, word};
use crate::runs::insert_runs;

/// A line that becomes a run, and the run's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPlace {
    pub nr: u32,
    pub queue_position: i64,
}

impl JobTx {
    /// The lines that are included behind `created_to` up to `last`, in order, each with the rank
    /// of its criticality.
    pub async fn included(&mut self, job: &Job, last: u32) -> Result<Vec<(u32, i16)>, StoreError> {
        let rows = sqlx::query!(
            r#"select nr, rank as "rank!" from job_lines
               where job_id = $1 and nr > $2 and nr <= $3 and reason is null order by nr"#,
            self.id.get(),
            column(job.created_to),
            column(last),
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        let lines = rows.into_iter().map(|row| {
            let nr = number(row.nr).map_err(|why| StoreError::corrupt("job_lines", job.id, why))?;
            Ok((nr, row.rank))
        });
        lines.collect()
    }

    /// How many lines are included, by the rank of their criticality.
    pub async fn included_by_rank(&mut self) -> Result<Vec<(i16, u32)>, StoreError> {
        let rows = sqlx::query!(
            r#"select rank as "rank!", count(*) as "lines!" from job_lines
               where job_id = $1 and reason is null group by rank order by rank"#,
            self.id.get(),
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        let count = |lines: i64| u32::try_from(lines).unwrap_or(u32::MAX);
        Ok(rows.into_iter().map(|row| (row.rank, count(row.lines))).collect())
    }

    /// Creates the runs of these lines, which are all that are included behind `created_to` up to
    /// `last`; gives back how many could not be created any more, because another run of their
    /// policy has begun or the policy is gone. Their lines say so. `Duplicate` when one has begun
    /// in this very moment: then nothing is created, and the next try sees it.
    pub async fn create_runs(
        &mut self,
        job: &Job,
        last: u32,
        places: &[NewPlace],
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let made = self.insert(job, places, now).await?;
        let (runs, policies): (Vec<Uuid>, Vec<Uuid>) = made.into_iter().unzip();
        let (first, last) = (column(job.created_to), column(last));
        sqlx::query!(
            "update job_lines l set run_id = u.run, plan = null, course = null, because = null
             from unnest($4::uuid[], $5::uuid[]) as u (run, policy)
             where l.job_id = $1 and l.nr > $2 and l.nr <= $3 and l.policy_id = u.policy",
            self.id.get(),
            first,
            last,
            &runs,
            &policies,
        )
        .execute(&mut *self.tx)
        .await?;
        let refused = sqlx::query!(
            "update job_lines l
             set refused = case when exists (select 1 from runs r where r.policy_id = l.policy_id and r.mode = 'live'
                                                                    and r.phase <> 'ended') then $4 else $5 end
             where l.job_id = $1 and l.nr > $2 and l.nr <= $3 and l.reason is null and l.run_id is null",
            self.id.get(),
            first,
            last,
            word(Refusal::ActiveRun),
            word(Refusal::PolicyGone),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(u32::try_from(refused.rows_affected()).unwrap_or(u32::MAX))
    }

    /// Gives each new run with its policy.
    async fn insert(
        &mut self,
        job: &Job,
        places: &[NewPlace],
        now: Timestamp,
    ) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        // Ids of now: they sort behind every run that was created since the plan was made.
        let ids: Vec<Uuid> = places.iter().map(|_| RunId::new().get()).collect();
        let nrs: Vec<i32> = places.iter().map(|place| column(place.nr)).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.queue_position).collect();
        // Looking first is cheaper than `on conflict`, which writes every row provisionally. The
        // bounds let the lines be read as one range, whatever the statistics of a job that is being
        // made say.
        let rows = insert_runs!(
            "select u.id, $2, l.host_id, l.policy_id, l.hostname, l.criticality, $3, $4, $5, l.plan, l.rank, $6, 'waiting',
                    l.step, l.lane, l.start_at, 0, 0, l.because, l.course, $1, u.turn,
                    case when l.cohort then $8 else $9 end, l.ca, l.current_cost_micro_usd, null,
                    case when l.has_facts then $7::timestamptz end, $7, $7
             from unnest($10::int[], $11::uuid[], $12::bigint[]) as u (nr, id, turn)
             join job_lines l on l.job_id = $1 and l.nr = u.nr and l.nr between $13 and $14
             join policies p on p.id = l.policy_id and p.active
             left join lateral (select r.id from runs r where r.policy_id = l.policy_id and r.mode = 'live'
                                                          and r.phase <> 'ended' limit 1) busy on $3 = 'live'
             where busy.id is null
             returning id, policy_id",
            self.id.get(),
            job.workspace.as_str(),
            word(job.spec.mode),
            word(Trigger::Bulk),
            job.creator(),
            Status::Queued.as_str(),
            now.get(),
            job.holds.first(true),
            job.holds.first(false),
            &nrs,
            &ids,
            &positions,
            nrs.first().copied().unwrap_or(0),
            nrs.last().copied().unwrap_or(0),
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.policy_id)).collect())
    }
}

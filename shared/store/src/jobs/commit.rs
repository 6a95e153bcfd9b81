//! The runs of a plan, created as they stand in its lines: no second decision.

use domain::Timestamp;
use domain::ids::RunId;
use domain::job::{Job, Refusal};
use domain::run::{Status, Trigger};
use uuid::Uuid;

use super::JobTx;
use crate::StoreError;
use crate::rows::{column, word};

impl JobTx {
    /// Creates the runs of the lines behind `created_to` up to `last`; gives back how many could not be created any
    /// more, because another run of their policy has begun or the policy is gone. Their lines say so.
    pub async fn create_runs(&mut self, (job, last): (&Job, u32), by: &str, now: Timestamp) -> Result<u32, StoreError> {
        let made = self.insert((job, last), by, now).await?;
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
        (job, last): (&Job, u32),
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        // Ids of now: they sort behind every run that was created since the plan was made.
        let ids: Vec<Uuid> = (job.created_to..last).map(|_| RunId::new().get()).collect();
        let rows = sqlx::query!(
            "insert into runs (id, workspace, host_id, policy_id, hostname, criticality, mode, trigger, operator, plan,
                               rank, status, phase, step, lane, due_at, attempt, failures, because, course, job_id, turn,
                               held, created_at, moved_at)
             select u.id, $2, l.host_id, l.policy_id, l.hostname, l.criticality, $3, $4, $5, l.plan, l.rank, $6, 'waiting',
                    l.step, l.lane, l.start_at, 0, 0, l.because, l.course, $1,
                    l.turn + greatest(0, extract(epoch from $7 - l.start_at) * 1000000)::bigint,
                    case when l.cohort then $8 else $9 end, $7, $7
             from (select job_lines.*, row_number() over (order by nr) as place from job_lines
                   where job_id = $1 and nr > $10 and nr <= $11 and reason is null) l
             join unnest($12::uuid[]) with ordinality as u (id, place) on u.place = l.place
             join policies p on p.id = l.policy_id and p.active
             order by l.nr
             on conflict do nothing
             returning id, policy_id",
            self.id.get(),
            job.workspace.as_str(),
            word(job.spec.mode),
            word(Trigger::Bulk),
            by,
            Status::Queued.as_str(),
            now.get(),
            job.holds.first(true),
            job.holds.first(false),
            column(job.created_to),
            column(last),
            &ids,
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.policy_id)).collect())
    }
}

//! What people did to jobs, kept with the move that it caused.

use domain::Timestamp;
use domain::ids::JobId;

use super::JobTx;
use crate::rows::at;
use crate::{Store, StoreError};

/// One act of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAct {
    pub at: Timestamp,
    /// `commit`, `pause`, `resume` or `cancel`.
    pub verb: String,
    pub person: String,
    /// Empty when none was given.
    pub note: String,
}

impl JobTx {
    pub async fn keep_act(&mut self, act: &JobAct) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into job_acts (job_id, at, verb, person, note) values ($1, $2, $3, $4, $5)",
            self.id.get(),
            act.at.get(),
            act.verb,
            act.person,
            act.note,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

impl Store {
    /// What people did to a job, in order.
    pub async fn job_acts(&self, job: JobId) -> Result<Vec<JobAct>, StoreError> {
        let rows = sqlx::query!(
            "select at, verb, person, note from job_acts where job_id = $1 order by act",
            job.get(),
        );
        let acts = rows.fetch_all(&self.pool).await?.into_iter().map(|row| JobAct {
            at: at(row.at),
            verb: row.verb,
            person: row.person,
            note: row.note,
        });
        Ok(acts.collect())
    }
}

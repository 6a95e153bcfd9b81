//! The lines of a plan as people read them.

use domain::ids::{JobId, RunId, WorkspaceId};
use domain::job::{Decision, Included, LeftOut, Refusal};
use domain::plan::Choice;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::{at, column, from_json, from_word, number};
use crate::{Store, StoreError};

/// One line, and what became of it.
#[derive(Debug, Clone)]
pub struct LineView {
    pub nr: u32,
    pub hostname: String,
    pub decision: Decision,
    /// One of the first few.
    pub in_cohort: bool,
    pub run_id: Option<RunId>,
    pub run_status: Option<String>,
    /// Why it is kept back.
    pub held: Option<String>,
    /// Why it could not become a run any more.
    pub refused: Option<Refusal>,
}

#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// Included ones only, or those that are left out only.
    pub included: Option<bool>,
    /// Left out for this reason.
    pub reason: Option<String>,
    pub after: u32,
}

struct Row {
    nr: i32,
    hostname: String,
    left_out: Option<Value>,
    waits_for: Option<String>,
    despite: Option<String>,
    choice: Option<Value>,
    start_at: Option<OffsetDateTime>,
    cohort: bool,
    run_id: Option<Uuid>,
    run_status: Option<String>,
    held: Option<String>,
    refused: Option<String>,
}

fn read(row: Row) -> Result<LineView, String> {
    let decision = match row.left_out {
        Some(why) => Decision::LeftOut(from_json::<LeftOut>(why)?),
        None => Decision::Included(Box::new(Included {
            choice: from_json::<Choice>(row.choice.ok_or("its choice is missing")?)?,
            start_at: row.start_at.map(at).ok_or("start_at is missing")?,
            waits_for: row.waits_for,
            despite: row.despite,
        })),
    };
    Ok(LineView {
        nr: number(row.nr)?,
        hostname: row.hostname,
        decision,
        in_cohort: row.cohort,
        run_id: row.run_id.map(RunId::from_uuid),
        run_status: row.run_status,
        held: row.held,
        refused: row.refused.map(from_word).transpose()?,
    })
}

impl Store {
    /// Lines of a job in the order of its plan.
    pub async fn job_lines(
        &self,
        workspace: &WorkspaceId,
        job: JobId,
        filter: &LineFilter,
        limit: i64,
    ) -> Result<Vec<LineView>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select l.nr, l.hostname, l.left_out, l.waits_for, l.despite, coalesce(l.plan, r.plan) -> 'choice' as choice, l.start_at,
                      l.cohort, l.run_id, r.status as "run_status?",
                      case when r.phase = 'waiting' then r.held end as held, l.refused
               from job_lines l join jobs j on j.id = l.job_id
               left join runs r on r.id = l.run_id
               where j.workspace = $1 and l.job_id = $2 and l.nr > $3
                 and ($4::bool is null or (l.reason is null) = $4) and ($5::text is null or l.reason = $5)
               order by l.nr limit $6"#,
            workspace.as_str(),
            job.get(),
            column(filter.after),
            filter.included,
            filter.reason.as_deref(),
            limit,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let views = rows.into_iter().map(|row| {
            let name = format!("{job} {}", row.nr);
            read(row).map_err(|why| StoreError::corrupt("job_lines", name, why))
        });
        views.collect()
    }
}

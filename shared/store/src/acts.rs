//! What people did to runs: kept by the ledger with the move that it caused.

use domain::clock::Timestamp;
use domain::ids::{RunId, WorkspaceId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::at;
use crate::{Store, StoreError};

/// One act of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub run_id: RunId,
    pub at: Timestamp,
    /// As requests spell it: `resume`, `retry`, `cancel`, `resolve`; `amend` with what a run took from today's policy at that.
    pub verb: String,
    pub person: String,
    /// Empty when none was given.
    pub note: String,
}

pub(crate) async fn keep(db: &mut PgConnection, acts: &[Act]) -> Result<(), StoreError> {
    if acts.is_empty() {
        return Ok(());
    }
    let runs: Vec<Uuid> = acts.iter().map(|act| act.run_id.get()).collect();
    let times: Vec<OffsetDateTime> = acts.iter().map(|act| act.at.get()).collect();
    let verbs: Vec<String> = acts.iter().map(|act| act.verb.clone()).collect();
    let people: Vec<String> = acts.iter().map(|act| act.person.clone()).collect();
    let notes: Vec<String> = acts.iter().map(|act| act.note.clone()).collect();
    sqlx::query!(
        "insert into run_acts (run_id, at, verb, person, note)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])",
        &runs,
        &times,
        &verbs,
        &people,
        &notes,
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// What people did to a run, in order.
    pub async fn acts(&self, workspace: &WorkspaceId, run: RunId) -> Result<Vec<Act>, StoreError> {
        let rows = sqlx::query!(
            "select a.at, a.verb, a.person, a.note from run_acts a join runs r on r.id = a.run_id
             where r.workspace = $1 and a.run_id = $2 order by a.act",
            workspace.as_str(),
            run.get(),
        );
        let acts = rows.fetch_all(&self.pool).await?.into_iter().map(|row| Act {
            run_id: run,
            at: at(row.at),
            verb: row.verb,
            person: row.person,
            note: row.note,
        });
        Ok(acts.collect())
    }
}

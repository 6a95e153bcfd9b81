//! Rows that cannot be read delay no other row: a sweep sets them aside, aloud, and goes on with
//! the others.
//!
//! A row that was set aside is not looked at again until a person has mended it and set
//! `quarantined` to null.

use sqlx::PgConnection;
use tracing::error;
use uuid::Uuid;

use crate::StoreError;
use crate::runs::{LoadedRun, RunRow};

/// The runs that can be read; the others are set aside.
pub(crate) async fn sound(db: &mut PgConnection, rows: Vec<RunRow>) -> Result<Vec<LoadedRun>, StoreError> {
    let (mut runs, mut broken) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let id = row.id;
        match LoadedRun::try_from(row) {
            Ok(run) => runs.push(run),
            Err(why) => broken.push((id, why.to_string())),
        }
    }
    set_aside(db, &broken).await?;
    Ok(runs)
}

pub(crate) async fn set_aside(db: &mut PgConnection, broken: &[(Uuid, String)]) -> Result<(), StoreError> {
    if broken.is_empty() {
        return Ok(());
    }
    for (run, why) in broken {
        error!(
            code = "RUN-0003",
            %run,
            why,
            "a run cannot be read and is set aside: mend its row, then set `quarantined` to null"
        );
    }
    let (ids, reasons): (Vec<Uuid>, Vec<String>) = broken.iter().cloned().unzip();
    sqlx::query!(
        "update runs r set quarantined = u.why from unnest($1::uuid[], $2::text[]) as u (id, why) where r.id = u.id",
        &ids,
        &reasons,
    )
    .execute(db)
    .await?;
    Ok(())
}

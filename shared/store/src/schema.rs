//! Whether the schema is as new as this version.
//!
//! In: the migrations of this version, those that the database has had. Out: how the two fit. Never: a change.

use sqlx::migrate::Migrator;
use sqlx::{PgPool, Row};

use crate::StoreError;

/// `undefined_table`: no migration has ever run here.
const NO_SUCH_TABLE: &str = "42P01";
/// The whole schema as it was when the numbers began.
const FIRST: i64 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has every migration of this version; a newer version may have added more.
    Current,
    Behind,
    /// It was begun by a version from before the first migration of this one.
    Foreign,
}

/// The role of a service may not change the schema (`deploy/postgres`), and asking to would fail even where nothing is
/// missing.
pub(crate) async fn look(pool: &PgPool, wanted: &Migrator) -> Result<Found, StoreError> {
    // The library's own table: no migration of ours makes it, so the macro cannot check the statement.
    let had = sqlx::query("select version, checksum from _sqlx_migrations where success")
        .fetch_all(pool)
        .await;
    let had = match had {
        Ok(rows) => rows,
        Err(error) if is_missing(&error) => return Ok(Found::Behind),
        Err(error) => return Err(error.into()),
    };
    let had: Vec<(i64, Vec<u8>)> = had
        .iter()
        .map(|row| Ok((row.try_get("version")?, row.try_get("checksum")?)))
        .collect::<Result<_, sqlx::Error>>()?;
    Ok(judge(&had, wanted))
}

fn judge(had: &[(i64, Vec<u8>)], wanted: &Migrator) -> Found {
    let is_there = |version: i64, checksum: &[u8]| had.iter().any(|(one, sum)| *one == version && sum == checksum);
    let missing: Vec<i64> = wanted
        .iter()
        .filter(|one| !is_there(one.version, &one.checksum))
        .map(|one| one.version)
        .collect();
    match missing.as_slice() {
        [] => Found::Current,
        [FIRST, ..] if !had.is_empty() => Found::Foreign,
        _ => Found::Behind,
    }
}

fn is_missing(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some(NO_SUCH_TABLE)
}

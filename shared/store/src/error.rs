//! What can go wrong with the record, sorted by what can be done about it.

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again later.
    #[error("Postgres cannot be reached or used: {0}")]
    Unavailable(String),
    /// Somebody was there first; the constraint says what is unique.
    #[error("it exists already ({constraint})")]
    Duplicate { constraint: String },
    /// It refers to something that does not exist; the constraint says what.
    #[error("it refers to something that does not exist ({constraint})")]
    Unknown { constraint: String },
    /// A row that this version cannot read: nothing is done with it until a person looks.
    #[error("{table} {id}: the row cannot be read: {why}")]
    Corrupt {
        table: &'static str,
        id: String,
        why: String,
    },
    /// The schema and this binary do not fit.
    #[error("the database schema cannot be brought up to date: {0}")]
    Migration(String),
    /// A statement touched another number of rows than it must.
    #[error("{statement}: {found} rows instead of {expected}")]
    RowCount {
        statement: &'static str,
        expected: usize,
        found: u64,
    },
}

impl StoreError {
    pub(crate) fn migration(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(error.to_string())
    }

    pub(crate) fn corrupt(table: &'static str, id: impl ToString, why: impl ToString) -> Self {
        Self::Corrupt {
            table,
            id: id.to_string(),
            why: why.to_string(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(refused) if refused.is_unique_violation() => Self::Duplicate {
                constraint: refused.constraint().unwrap_or("unique").to_owned(),
            },
            Some(refused) if refused.is_foreign_key_violation() => Self::Unknown {
                constraint: refused.constraint().unwrap_or("reference").to_owned(),
            },
            Some(_) | None => Self::Unavailable(error.to_string()),
        }
    }
}

/// Every statement that must touch a known number of rows says so.
pub(crate) fn exactly(statement: &'static str, expected: usize, found: u64) -> Result<(), StoreError> {
    if u64::try_from(expected).is_ok_and(|expected| expected == found) {
        Ok(())
    } else {
        Err(StoreError::RowCount {
            statement,
            expected,
            found,
        })
    }
}

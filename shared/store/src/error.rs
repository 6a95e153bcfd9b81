//! What can go wrong with the record, sorted by what can be done about it.

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It heals by itself: try again later.
    #[error("Postgres cannot be reached or used now: {0}")]
    Unavailable(String),
    /// Postgres refuses the statement and would again: a defect, a missing right or a schema that
    /// does not fit.
    #[error("Postgres refuses a statement: {0}")]
    Faulty(String),
    /// Another transaction was first; the constraint says what is unique.
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
    #[error(
        "the database schema cannot be brought up to date: {0} (only its owner may change it: see deploy/postgres/README.md)"
    )]
    Migration(String),
    /// Made by a version that was never released.
    #[error(
        "the database was made by a version from before the first release, which this one cannot read: give this one an empty \
         database or data directory, and add hosts and policies again (`vigilo host list --json` and `vigilo policy list --json` \
         of the old version say what they were)"
    )]
    Foreign,
    /// The configuration would have the record, and a password, travel unprotected.
    #[error("{0}")]
    Insecure(String),
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

    /// The catalogue is brought up to date with the schema, by whoever may.
    pub(crate) fn catalogue(self) -> Self {
        match self {
            Self::Faulty(why) => Self::Migration(why),
            other => other,
        }
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
            Some(refused) if !refused.code().is_some_and(|state| heals(&state)) => Self::Faulty(error.to_string()),
            Some(_) => Self::Unavailable(error.to_string()),
            None if is_ours(&error) => Self::Faulty(error.to_string()),
            None => Self::Unavailable(error.to_string()),
        }
    }
}

/// The classes of SQLSTATE (PostgreSQL, Appendix A) that pass: lost connections 08, lost races 40,
/// too little memory, disk or connections 53, a lock that was not to be had 55P03, an operator or a
/// restart 57, trouble of the machine 58, and 25006, a server that is just becoming the first.
fn heals(state: &str) -> bool {
    ["08", "40", "53", "57", "58"]
        .iter()
        .any(|class| state.starts_with(class))
        || matches!(state, "55P03" | "25006")
}

/// What no other answer of the server could change.
fn is_ours(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Configuration(_)
            | sqlx::Error::InvalidArgument(_)
    )
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

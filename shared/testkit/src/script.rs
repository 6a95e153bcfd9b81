//! Statements for a database of a test, as an administrator would give them to psql.

use anyhow::{Context, Result};
use sqlx::{Connection, Executor};

use crate::Postgres;

impl Postgres {
    /// Carries out a script as the owner of the cluster.
    ///
    /// # Errors
    /// If the database is not there or a statement fails.
    pub async fn run_script(&self, database: &str, script: &str) -> Result<()> {
        let mut connection = sqlx::PgConnection::connect(&self.url_of(database)).await?;
        let script = sqlx::AssertSqlSafe(script.to_owned());
        let done = connection.execute(sqlx::raw_sql(script)).await;
        done.with_context(|| format!("a script in {database}"))?;
        Ok(connection.close().await?)
    }

    /// The URL of a database, to be used with the rights of this role only.
    #[must_use]
    pub fn url_as(&self, database: &str, role: &str) -> String {
        let url = self.url_of(database);
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}options=-c%20role%3D{role}")
    }
}

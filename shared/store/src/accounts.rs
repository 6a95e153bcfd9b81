//! The sealed keys of ACME accounts: one per workspace and CA, the first one wins.

use domain::clock::Timestamp;
use domain::secret::Envelope;
use sqlx::PgConnection;

use crate::StoreError;
use crate::ledger::AccountKey;

/// Keeps keys for accounts that have none yet.
pub(crate) async fn keep(db: &mut PgConnection, keys: &[AccountKey], now: Timestamp) -> Result<(), StoreError> {
    for key in keys {
        sqlx::query!(
            "insert into acme_accounts (workspace, directory_url, sealed_key, created_at) values ($1, $2, $3, $4)
             on conflict do nothing",
            key.workspace,
            key.directory_url,
            key.sealed_key.as_str(),
            now.get(),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

pub(crate) async fn load(
    db: &mut PgConnection,
    workspaces: &[String],
    directories: &[String],
) -> Result<Vec<AccountKey>, StoreError> {
    let rows = sqlx::query!(
        "select workspace, directory_url, sealed_key from acme_accounts
         where workspace = any($1) and directory_url = any($2)",
        workspaces,
        directories,
    )
    .fetch_all(db)
    .await?;
    let keys = rows.into_iter().map(|row| {
        let corrupt = |e: domain::Invalid| StoreError::corrupt("acme_accounts", &row.directory_url, e.problem);
        let sealed_key = Envelope::try_from(row.sealed_key).map_err(corrupt)?;
        Ok(AccountKey {
            workspace: row.workspace,
            directory_url: row.directory_url.clone(),
            sealed_key,
        })
    });
    keys.collect()
}

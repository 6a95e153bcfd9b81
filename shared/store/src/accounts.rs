//! The sealed keys of ACME accounts: one per workspace and CA, the first one wins.

use domain::ca::CaRef;
use domain::clock::Timestamp;
use domain::ids::RunId;
use domain::secret::Envelope;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;

/// A sealed key for an account at a CA.
#[derive(Debug, Clone)]
pub struct AccountKey {
    pub workspace: String,
    pub ca: CaRef,
    pub sealed_key: Envelope,
}

/// Keeps keys for accounts that have none yet.
pub(crate) async fn keep(db: &mut PgConnection, keys: &[AccountKey], now: Timestamp) -> Result<(), StoreError> {
    for key in keys {
        sqlx::query!(
            "insert into acme_accounts (workspace, directory_url, sealed_key, created_at) values ($1, $2, $3, $4)
             on conflict do nothing",
            key.workspace,
            key.ca.to_string(),
            key.sealed_key.as_str(),
            now.get(),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Takes the account of the CA that each of these runs asks about out of use, if it is still the one that was refused: one
/// that was made since the question is left alone. The keys are kept.
pub(crate) async fn retire(
    db: &mut PgConnection,
    refused: &[(RunId, CaRef)],
    by: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = refused.iter().map(|(id, _)| id.get()).collect();
    let cas: Vec<String> = refused.iter().map(|(_, ca)| ca.to_string()).collect();
    let retired = sqlx::query!(
        "with gone as (
             delete from acme_accounts a
             using unnest($1::uuid[], $2::text[]) as u (run_id, directory_url), runs r
             where r.id = u.run_id and a.workspace = r.workspace and a.directory_url = u.directory_url
               and a.created_at < r.moved_at
             returning a.workspace, a.directory_url, a.sealed_key, a.created_at)
         insert into retired_acme_accounts (workspace, directory_url, sealed_key, created_at, retired_at, retired_by)
         select workspace, directory_url, sealed_key, created_at, $3, $4 from gone",
        &ids,
        &cas,
        now.get(),
        by,
    )
    .execute(db)
    .await?;
    Ok(retired.rows_affected())
}

pub(crate) async fn load(
    db: &mut PgConnection,
    workspaces: &[String],
    cas: &[CaRef],
) -> Result<Vec<AccountKey>, StoreError> {
    let cas: Vec<String> = cas.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        "select workspace, directory_url, sealed_key from acme_accounts
         where workspace = any($1) and directory_url = any($2)",
        workspaces,
        &cas,
    )
    .fetch_all(db)
    .await?;
    let keys = rows.into_iter().map(|row| {
        let corrupt = |e: domain::Invalid| StoreError::corrupt("acme_accounts", &row.directory_url, e.problem);
        let sealed_key = Envelope::try_from(row.sealed_key).map_err(corrupt)?;
        Ok(AccountKey {
            workspace: row.workspace,
            ca: row.directory_url.parse().map_err(corrupt)?,
            sealed_key,
        })
    });
    keys.collect()
}

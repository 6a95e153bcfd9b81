//! Everybody's providers and limits as `deploy/catalogue` has them, kept in the tables that people may add to.
//!
//! In: the files, which are in the binary. Out: rows. Touches: `providers`, `limits`, `catalogue`. Never: a row that a person has
//! edited, nor one that is in no file any more.

use domain::limit::Limit;
use domain::provider::{Day, ProviderEntry};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sqlx::{PgConnection, PgPool};

use crate::StoreError;
use crate::limits::verified;
use crate::rows::{column, json, word};

struct File {
    name: &'static str,
    text: &'static str,
}

const PROVIDERS: File = File {
    name: "providers.json",
    text: include_str!("../../../deploy/catalogue/providers.json"),
};
const LIMITS: File = File {
    name: "limits.json",
    text: include_str!("../../../deploy/catalogue/limits.json"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<T> {
    /// Raised with every change, so that a service of an earlier version takes nothing back.
    version: i32,
    entries: Vec<T>,
}

impl File {
    fn read<T: DeserializeOwned>(&self) -> Result<Content<T>, StoreError> {
        serde_json::from_str(self.text).map_err(|why| StoreError::corrupt("deploy/catalogue", self.name, why))
    }
}

/// Whether the tables were filled from these files or later ones.
pub(crate) async fn is_current(pool: &PgPool) -> Result<bool, StoreError> {
    let (providers, limits) = (PROVIDERS.read::<IgnoredAny>()?, LIMITS.read::<IgnoredAny>()?);
    let rows = sqlx::query!("select name, version from catalogue")
        .fetch_all(pool)
        .await?;
    let has = |file: &File, version: i32| rows.iter().any(|row| row.name == file.name && row.version >= version);
    Ok(has(&PROVIDERS, providers.version) && has(&LIMITS, limits.version))
}

/// Fills them from the files that are newer. Several may do it at once: the first one does it.
pub(crate) async fn write(pool: &PgPool) -> Result<(), StoreError> {
    let (providers, limits) = (PROVIDERS.read::<ProviderEntry>()?, LIMITS.read::<Limit>()?);
    let mut tx = pool.begin().await?;
    if raise(&mut tx, &PROVIDERS, providers.version).await? {
        for entry in &providers.entries {
            write_provider(&mut tx, entry).await?;
        }
    }
    if raise(&mut tx, &LIMITS, limits.version).await? {
        for limit in &limits.entries {
            write_limit(&mut tx, limit).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Whether the tables were filled from an earlier file, or from none.
async fn raise(connection: &mut PgConnection, file: &File, version: i32) -> Result<bool, StoreError> {
    let raised = sqlx::query!(
        "insert into catalogue (name, version) values ($1, $2)
         on conflict (name) do update set version = $2 where catalogue.version < $2",
        file.name,
        version,
    );
    Ok(raised.execute(connection).await?.rows_affected() > 0)
}

async fn write_provider(connection: &mut PgConnection, entry: &ProviderEntry) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into providers (id, kind, title, directory_url, staging_url, price, abilities, max_validity_days, source,
                                last_verified, enabled, served, rank)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (id) where workspace is null do update
         set kind = $2, title = $3, directory_url = $4, staging_url = $5, price = $6, abilities = $7, max_validity_days = $8,
             source = $9, last_verified = $10, enabled = $11, served = $12, rank = $13",
        entry.id.as_str(),
        word(entry.kind),
        entry.title,
        entry.directory_url.as_ref().map(|url| url.as_str()),
        entry.staging_url.as_ref().map(|url| url.as_str()),
        json(&entry.price)?,
        json(&entry.abilities)?,
        entry
            .max_validity_days
            .map(|days| i16::try_from(days).unwrap_or(i16::MAX)),
        entry.source,
        entry.last_verified.map(Day::get),
        entry.enabled,
        entry.served,
        entry.rank,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_limit(connection: &mut PgConnection, limit: &Limit) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into limits (id, directory_url, scope, title, burst, period_seconds, source, last_verified, enabled)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update
         set directory_url = $2, scope = $3, title = $4, burst = $5, period_seconds = $6, source = $7, last_verified = $8,
             enabled = $9
         where not limits.edited",
        limit.id,
        limit.ca.to_string(),
        word(limit.scope),
        limit.title,
        column(limit.burst),
        column(limit.period_seconds),
        limit.source,
        verified(limit)?,
        limit.enabled,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::provider::Scope;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn every_entry_of_the_files_can_be_read_and_has_a_name_of_its_own() {
        let providers = PROVIDERS.read::<ProviderEntry>().expect("providers").entries;
        let limits = LIMITS.read::<Limit>().expect("limits").entries;
        assert!(providers.iter().all(|entry| entry.scope == Scope::Global));
        let ids: BTreeSet<&str> = providers.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), providers.len());
        let ids: BTreeSet<&str> = limits.iter().map(|limit| limit.id.as_str()).collect();
        assert_eq!(ids.len(), limits.len());
        assert!(limits.iter().all(|limit| verified(limit).is_ok()));
    }

    #[test]
    fn a_file_that_has_changed_has_another_version() {
        for (file, version, digest) in [(PROVIDERS, 1, "77e8a01b"), (LIMITS, 1, "e458de17")] {
            let found = file.read::<IgnoredAny>().expect("a file").version;
            let digested = Sha256::digest(file.text);
            let content: String = digested.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(
                (found, content.as_str()),
                (version, digest),
                "{}: raise its version, and write both here",
                file.name
            );
        }
    }
}

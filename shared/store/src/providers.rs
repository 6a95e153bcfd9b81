//! The catalogue of providers: everybody's rows, hidden by the workspace's own of the same id.

use domain::clock::Timestamp;
use domain::ids::WorkspaceId;
use domain::provider::{Catalogue, Day, ProviderEntry, ProviderId, Scope};
use serde_json::Value;
use time::Date;

use crate::error::exactly;
use crate::rows::{from_json, from_word, json, word};
use crate::{Store, StoreError};

struct Row {
    id: String,
    own: bool,
    kind: String,
    title: String,
    directory_url: Option<String>,
    staging_url: Option<String>,
    price: Value,
    abilities: Value,
    max_validity_days: Option<i16>,
    source: String,
    last_verified: Option<Date>,
    enabled: bool,
    served: bool,
    rank: i16,
}

impl TryFrom<Row> for ProviderEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.id.clone();
        let corrupt = |why: String| StoreError::corrupt("providers", &id, why);
        let days = row.max_validity_days.map(u16::try_from).transpose();
        Ok(Self {
            id: row.id.parse().map_err(|e| corrupt(format!("{e}")))?,
            scope: if row.own { Scope::Workspace } else { Scope::Global },
            kind: from_word(row.kind).map_err(corrupt)?,
            title: row.title,
            directory_url: row.directory_url.map(from_word).transpose().map_err(corrupt)?,
            staging_url: row.staging_url.map(from_word).transpose().map_err(corrupt)?,
            price: from_json(row.price).map_err(corrupt)?,
            abilities: from_json(row.abilities).map_err(corrupt)?,
            max_validity_days: days.map_err(|e| corrupt(e.to_string()))?,
            source: row.source,
            last_verified: row.last_verified.map(Day::new),
            enabled: row.enabled,
            served: row.served,
            rank: row.rank,
        })
    }
}

impl Store {
    /// What a workspace can choose from, with its order of preference.
    pub async fn catalogue(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Catalogue, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select distinct on (id) id, workspace is not null as "own!", kind, title, directory_url, staging_url, price,
                      abilities, max_validity_days, source, last_verified, enabled, served, rank
               from providers where workspace = $1 or workspace is null
               order by id, workspace nulls last"#,
            workspace.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut entries = rows
            .into_iter()
            .map(ProviderEntry::try_from)
            .collect::<Result<Vec<_>, StoreError>>()?;
        entries.sort_by(|one, other| (one.rank, &one.id).cmp(&(other.rank, &other.id)));
        Ok(Catalogue::new(entries, self.preferred(workspace).await?, now))
    }

    async fn preferred(&self, workspace: &WorkspaceId) -> Result<Vec<ProviderId>, StoreError> {
        let found = sqlx::query_scalar!(
            "select preferred_provider from workspaces where id = $1",
            workspace.as_str()
        );
        let ids = found.fetch_optional(&self.pool).await?.unwrap_or_default();
        let read = |id: String| id.parse().map_err(|e| StoreError::corrupt("workspaces", workspace, e));
        ids.into_iter().map(read).collect()
    }

    /// The workspace's own entry of this id, new or changed.
    pub async fn keep_provider(&self, workspace: &WorkspaceId, entry: &ProviderEntry) -> Result<(), StoreError> {
        let kept = sqlx::query!(
            "insert into providers (workspace, id, kind, title, directory_url, staging_url, price, abilities,
                                    max_validity_days, source, last_verified, enabled, served, rank)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             on conflict (workspace, id) where workspace is not null do update
             set title = $4, directory_url = $5, staging_url = $6, price = $7, abilities = $8, max_validity_days = $9,
                 source = $10, last_verified = $11, enabled = $12, rank = $14",
            workspace.as_str(),
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
        .execute(&self.pool)
        .await?;
        exactly("keep_provider", 1, kept.rows_affected())
    }

    /// Removes the workspace's own entry; everybody's, if there is one, counts again. `false`: there was none.
    pub async fn forget_provider(&self, workspace: &WorkspaceId, id: &ProviderId) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "delete from providers where workspace = $1 and id = $2",
            workspace.as_str(),
            id.as_str()
        );
        Ok(gone.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// The order in which equally cheap providers are taken.
    pub async fn prefer_providers(&self, workspace: &WorkspaceId, ids: &[ProviderId]) -> Result<(), StoreError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let set = sqlx::query!(
            "update workspaces set preferred_provider = $2 where id = $1",
            workspace.as_str(),
            &ids
        );
        exactly("prefer_providers", 1, set.execute(&self.pool).await?.rows_affected())
    }
}

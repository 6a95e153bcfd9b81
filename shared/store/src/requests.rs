//! Answers that were given to requests: the same idempotency key is answered the same way.

use domain::clock::Timestamp;
use domain::ids::WorkspaceId;
use serde_json::Value;

use crate::{Store, StoreError};

/// A request and the answer that is kept under its key.
#[derive(Debug, Clone, Copy)]
pub struct AnsweredRequest<'a> {
    pub workspace: &'a WorkspaceId,
    pub key: &'a str,
    pub answer: &'a Value,
}

impl Store {
    pub async fn answered(&self, workspace: &WorkspaceId, key: &str) -> Result<Option<Value>, StoreError> {
        let answer = sqlx::query_scalar!(
            "select answer from requests where workspace = $1 and idempotency_key = $2",
            workspace.as_str(),
            key,
        );
        Ok(answer.fetch_optional(&self.pool).await?)
    }

    /// Forgets answers given before `before`; gives back how many.
    pub async fn forget_answers(&self, before: Timestamp) -> Result<u64, StoreError> {
        let gone = sqlx::query!("delete from requests where answered_at < $1", before.get())
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }
}

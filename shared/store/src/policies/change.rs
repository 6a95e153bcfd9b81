//! People change a policy, or take it away. A run that exists keeps the plan that it was made with.

use domain::Timestamp;
use domain::ids::WorkspaceId;
use domain::names::Hostname;
use domain::policy::{NewPolicy, Policy};

use super::Row;
use crate::rows::json;
use crate::{Store, StoreError};

impl Store {
    /// The active policy of a hostname.
    pub async fn policy_of(&self, workspace: &WorkspaceId, hostname: &Hostname) -> Result<Option<Policy>, StoreError> {
        let found = sqlx::query_as!(
            Row,
            "select id, workspace, host_id, says, created_at from policies
             where workspace = $1 and hostname = $2 and active",
            workspace.as_str(),
            hostname.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        found.map(Policy::try_from).transpose()
    }

    /// Writes what the policy says from now on; the clock judges it anew. Says no when somebody else has changed it
    /// since it was read, or taken it away.
    pub async fn change_policy(&self, was: &Policy, says: &NewPolicy, now: Timestamp) -> Result<bool, StoreError> {
        let changed = sqlx::query!(
            "update policies set says = $4, judge_at = $5
             where workspace = $1 and id = $2 and active and says = $3",
            was.workspace.as_str(),
            was.id.get(),
            json(&was.says)?,
            json(says)?,
            now.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// The policy is followed no more; its runs stay. Says no when it was not there.
    pub async fn forget_policy(&self, workspace: &WorkspaceId, hostname: &Hostname) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "update policies set active = false where workspace = $1 and hostname = $2 and active",
            workspace.as_str(),
            hostname.as_str(),
        )
        .execute(&self.pool)
        .await?;
        Ok(gone.rows_affected() == 1)
    }
}

//! People change a policy, or take it away. A run that exists keeps the plan that it was made with.

use domain::Timestamp;
use domain::ids::WorkspaceId;
use domain::names::Hostname;
use domain::policy::{NewPolicy, Policy};

use super::{Row, Taken, files};
use crate::rows::{from_json, json};
use crate::{Store, StoreError};

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// Another request has changed the policy since it was read, or taken it away.
    Overtaken,
    /// Another policy replaces one of its files.
    Taken(Taken),
}

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

    /// Writes what the policy says from now on; the clock judges it anew.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn change_policy(&self, was: &Policy, spec: &NewPolicy, now: Timestamp) -> Result<Changed, StoreError> {
        let mut tx = self.pool.begin().await?;
        let stored = sqlx::query_scalar!(
            "select says from policies where workspace = $1 and id = $2 and active for no key update",
            was.workspace.as_str(),
            was.id.get(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        // Compared as it is read: an earlier version may have written the same in other words.
        let is_as_before = |stored| from_json::<NewPolicy>(stored).is_ok_and(|stored| stored == was.spec);
        if !stored.is_some_and(is_as_before) {
            return Ok(Changed::Overtaken);
        }
        sqlx::query!(
            "update policies set says = $2, judge_at = $3 where id = $1",
            was.id.get(),
            json(spec)?,
            now.get(),
        )
        .execute(&mut *tx)
        .await?;
        // After it: a change of `says` forgets what was written for the one before.
        sqlx::query!(
            "update policies set renews_itself = $2 where id = $1",
            was.id.get(),
            spec.renews_itself()
        )
        .execute(&mut *tx)
        .await?;
        let files = spec.places();
        let paths: Vec<String> = files.iter().cloned().collect();
        sqlx::query!(
            "delete from policy_files where policy_id = $1 and path <> all($2)",
            was.id.get(),
            &paths
        )
        .execute(&mut *tx)
        .await?;
        let claims = files.iter().map(|file| (file.clone(), was.id)).collect();
        let claimed = files::claim(&mut tx, &claims).await?;
        // What two policies have shared since before this was refused hinders no other change.
        let new: Vec<String> = files.difference(&was.spec.places()).cloned().collect();
        if new.iter().all(|file| claimed.contains(file)) {
            tx.commit().await?;
            return Ok(Changed::Done);
        }
        let holders = files::holders(&mut tx, &new).await?;
        let other = holders.into_values().find(|(holder, _)| *holder != was.id);
        Ok(other.map_or(Changed::Overtaken, |(_, taken)| Changed::Taken(taken)))
    }

    /// The policy is followed no more; its runs stay. Says no when it was not there.
    pub async fn forget_policy(&self, workspace: &WorkspaceId, hostname: &Hostname) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "with gone as (update policies set active = false where workspace = $1 and hostname = $2 and active
                           returning id),
                  free as (delete from policy_files where policy_id in (select id from gone))
             select id from gone",
            workspace.as_str(),
            hostname.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(gone.is_some())
    }
}

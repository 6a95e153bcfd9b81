//! What people say of the times at which hosts may be touched, and of how many targets at once.

use domain::ids::WorkspaceId;
use domain::window::Window;
use serde_json::Value;

use crate::rows::{from_json, json, number};
use crate::{Store, StoreError};

/// The windows of every host that carries a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagWindows {
    pub tag: String,
    pub windows: Vec<Window>,
}

/// How many targets of a group may be reloaded at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroup {
    pub workspace: String,
    pub name: String,
    pub at_once: u32,
}

/// The lists of several tags as one.
pub(crate) fn all(lists: Option<Value>) -> Result<Vec<Window>, String> {
    let lists: Vec<Vec<Window>> = lists.map(from_json).transpose()?.unwrap_or_default();
    Ok(lists.into_iter().flatten().collect())
}

impl Store {
    pub async fn tag_windows(&self, workspace: &WorkspaceId) -> Result<Vec<TagWindows>, StoreError> {
        let rows = sqlx::query!(
            "select tag, windows from tag_windows where workspace = $1 order by tag",
            workspace.as_str()
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let all = rows.into_iter().map(|row| {
            let windows = from_json(row.windows).map_err(|why| StoreError::corrupt("tag_windows", &row.tag, why))?;
            Ok(TagWindows { tag: row.tag, windows })
        });
        all.collect()
    }

    /// No windows: the tag says nothing any more.
    pub async fn set_tag_windows(&self, workspace: &WorkspaceId, said: &TagWindows) -> Result<bool, StoreError> {
        if said.windows.is_empty() {
            let gone = sqlx::query!(
                "delete from tag_windows where workspace = $1 and tag = $2",
                workspace.as_str(),
                said.tag
            );
            return Ok(gone.execute(&self.pool).await?.rows_affected() > 0);
        }
        sqlx::query!(
            "insert into tag_windows (workspace, tag, windows) values ($1, $2, $3)
             on conflict (workspace, tag) do update set windows = $3",
            workspace.as_str(),
            said.tag,
            json(&said.windows)?,
        )
        .execute(&self.pool)
        .await?;
        Ok(true)
    }

    /// The groups of one workspace, or of all.
    pub async fn target_groups(&self, workspace: Option<&WorkspaceId>) -> Result<Vec<TargetGroup>, StoreError> {
        let rows = sqlx::query!(
            "select workspace, name, at_once from target_groups
             where $1::text is null or workspace = $1 order by workspace, name",
            workspace.map(WorkspaceId::as_str),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let groups = rows.into_iter().map(|row| {
            let at_once = number(row.at_once).map_err(|why| StoreError::corrupt("target_groups", &row.name, why))?;
            Ok(TargetGroup {
                workspace: row.workspace,
                name: row.name,
                at_once,
            })
        });
        groups.collect()
    }

    /// None: the group has no limit of its own any more; whether it had one.
    pub async fn set_target_group(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        at_once: Option<u32>,
    ) -> Result<bool, StoreError> {
        let done = match at_once {
            None => {
                sqlx::query!(
                    "delete from target_groups where workspace = $1 and name = $2",
                    workspace.as_str(),
                    name
                )
                .execute(&self.pool)
                .await?
            }
            Some(at_once) => {
                sqlx::query!(
                    "insert into target_groups (workspace, name, at_once) values ($1, $2, $3)
                     on conflict (workspace, name) do update set at_once = $3",
                    workspace.as_str(),
                    name,
                    crate::rows::column(at_once),
                )
                .execute(&self.pool)
                .await?
            }
        };
        Ok(done.rows_affected() > 0)
    }
}

//! The files that policies replace: no two active ones may share one, in whatever workspaces they
//! are.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{PolicyId, WorkspaceId};
use domain::names::Hostname;
use domain::policy::NewPolicy;
use sqlx::{PgConnection, PgTransaction};
use uuid::Uuid;

use crate::StoreError;

/// A file of a policy that another one has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub path: String,
    pub workspace: WorkspaceId,
    pub hostname: Hostname,
}

struct Row {
    path: String,
    policy_id: Uuid,
    workspace: String,
    hostname: String,
}

/// Who has these files now, of active policies.
pub(super) async fn holders(
    tx: &mut PgConnection,
    paths: &[String],
) -> Result<BTreeMap<String, (PolicyId, Taken)>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select f.path, f.policy_id, p.workspace, p.hostname
         from policy_files f join policies p on p.id = f.policy_id
         where f.path = any($1) and p.active",
        paths,
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter().map(holder).collect()
}

fn holder(row: Row) -> Result<(String, (PolicyId, Taken)), StoreError> {
    let corrupt = |why: String| StoreError::corrupt("policy_files", row.policy_id, why);
    let taken = Taken {
        path: row.path.clone(),
        workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
        hostname: row.hostname.parse().map_err(|e| corrupt(format!("{e}")))?,
    };
    Ok((row.path, (PolicyId::from_uuid(row.policy_id), taken)))
}

/// Writes down what these policies replace; gives back the files that no other policy has.
pub(super) async fn claim(
    tx: &mut PgTransaction<'_>,
    files: &BTreeMap<String, PolicyId>,
) -> Result<BTreeSet<String>, StoreError> {
    let (paths, policies): (Vec<String>, Vec<Uuid>) =
        files.iter().map(|(path, policy)| (path.clone(), policy.get())).unzip();
    // In one order, so that two who want the same files do not wait for each other.
    let claimed = sqlx::query!(
        "insert into policy_files (path, policy_id)
         select path, policy_id from unnest($1::text[], $2::uuid[]) as new (path, policy_id) order by path
         on conflict (path) do update set policy_id = excluded.policy_id
         where policy_files.policy_id = excluded.policy_id
            or not exists (select 1 from policies p where p.id = policy_files.policy_id and p.active)
         returning path",
        &paths,
        &policies,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(claimed.into_iter().map(|row| row.path).collect())
}

type Apart<'a, H> = (Vec<&'a (H, NewPolicy)>, Vec<(Hostname, Taken)>);

/// Those of the new policies that may have their files, and the first file of each of the others.
pub(super) fn apart<'a, H>(
    workspace: &WorkspaceId,
    new: &'a [(H, NewPolicy)],
    holders: &BTreeMap<String, (PolicyId, Taken)>,
) -> Apart<'a, H> {
    let (mut free, mut refused) = (Vec::new(), Vec::new());
    let mut of_these: BTreeMap<String, Hostname> = BTreeMap::new();
    for one in new {
        let policy = &one.1;
        // A policy of the same host is told by its name, which comes first.
        let of_others = |taken: &&Taken| taken.workspace != *workspace || taken.hostname != policy.hostname;
        let files: BTreeSet<String> = policy.places();
        let held = files
            .iter()
            .find_map(|file| holders.get(file).map(|(_, taken)| taken).filter(of_others));
        let twice = || files.iter().find_map(|file| Some((file, of_these.get(file)?)));
        let taken = held.cloned().or_else(|| {
            twice().map(|(file, hostname)| Taken {
                path: file.clone(),
                workspace: workspace.clone(),
                hostname: hostname.clone(),
            })
        });
        match taken {
            Some(taken) => refused.push((policy.hostname.clone(), taken)),
            None => {
                of_these.extend(files.into_iter().map(|file| (file, policy.hostname.clone())));
                free.push(one);
            }
        }
    }
    (free, refused)
}

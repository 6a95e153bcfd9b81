//! `/policies`: how each hostname is renewed.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::clock::Timestamp;
use domain::policy::{NewPolicy, Policy};
use domain::{HostId, Hostname, Invalid};
use store::Store;

use crate::auth::Caller;
use crate::body::{Body, Bulk};
use crate::error::{Code, Problem};
use crate::import::{Import, Imported};
use crate::query::{Page, Params, limit};
use crate::routes::hosts::{List, after};
use crate::state::Now;
use crate::views::policy::{ShownPolicy, policy};

pub(crate) async fn add(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(new): Body<NewPolicy>,
) -> Result<(StatusCode, Json<Policy>), Problem> {
    new.check()?;
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    catalogue.check(&new)?;
    let hostname = new.hostname.clone();
    let hosts = store.host_ids(&caller.workspace, &[hostname.to_string()]).await?;
    let Some((_, host_id)) = hosts.into_iter().next() else {
        return Err(unknown(&hostname).into());
    };
    let (now, says) = (now.read(), new.clone());
    let added = store.add_policies(&caller.workspace, &[(host_id, new)], now).await?;
    let Some((_, id)) = added.into_iter().next() else {
        return Err(Problem::field(Code::Duplicate, exists(&hostname)));
    };
    let policy = Policy {
        id,
        workspace: caller.workspace,
        host_id,
        says,
        created_at: now,
    };
    Ok((StatusCode::CREATED, Json(policy)))
}

pub(crate) async fn import(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Bulk(items): Bulk,
) -> Result<Json<Imported>, Problem> {
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    let check = |new: &NewPolicy| new.check().and_then(|()| catalogue.check(new));
    let mut import = Import::read(&items, check, |new| new.hostname.as_str())?;
    let mut created = 0;
    for part in import.parts() {
        created += add_part(&store, (&caller, now.read()), part, &mut import).await?;
    }
    Ok(Json(import.ended(created)))
}

/// Adds what has a host and no policy yet; gives back how many.
async fn add_part(
    store: &Store,
    (caller, now): (&Caller, Timestamp),
    part: Vec<(usize, NewPolicy)>,
    import: &mut Import<NewPolicy>,
) -> Result<usize, Problem> {
    let names: Vec<String> = part.iter().map(|(_, new)| new.hostname.to_string()).collect();
    let hosts: HashMap<String, HostId> = store.host_ids(&caller.workspace, &names).await?.into_iter().collect();
    let (mut places, mut known) = (Vec::new(), Vec::new());
    for (index, new) in part {
        match hosts.get(new.hostname.as_str()) {
            Some(host) => {
                places.push(index);
                known.push((*host, new));
            }
            None => import.refuse(index, Some(new.hostname.to_string()), unknown(&new.hostname)),
        }
    }
    let added = store.add_policies(&caller.workspace, &known, now).await?;
    let added: HashSet<String> = added.into_iter().map(|(hostname, _)| hostname).collect();
    for (index, (_, new)) in places.into_iter().zip(&known) {
        if !added.contains(new.hostname.as_str()) {
            import.refuse(index, Some(new.hostname.to_string()), exists(&new.hostname));
        }
    }
    Ok(added.len())
}

pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<ShownPolicy>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let after = after(list.after)?;
    let rows = store.policies(&caller.workspace, after.as_deref(), limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.policy.says.hostname.to_string());
    Ok(Json(page.map(policy)))
}

fn unknown(hostname: &Hostname) -> Invalid {
    let remedy = format!("add the host first: vigilo host add {hostname}");
    Invalid::new("hostname", format!("{hostname} is no host of this workspace"), remedy)
}

fn exists(hostname: &Hostname) -> Invalid {
    let problem = format!("{hostname} has an active policy already");
    Invalid::new(
        "hostname",
        problem,
        "see vigilo policy list; one hostname has one policy",
    )
}

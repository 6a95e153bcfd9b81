//! `/policies`: how each hostname is renewed.

use std::collections::{HashMap, HashSet};

use api::Page;
use api::imports::Imported;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::key_source::FIELDS_OF_BEFORE;
use domain::policy::{NewPolicy, Policy};
use domain::{HostId, Hostname, Invalid, WorkspaceId};
use serde_json::{Map, Value};
use store::{Changed, Store, Taken};
use tracing::info;

use crate::auth::Caller;
use crate::body::{self, Body, Bulk};
use crate::error::{Code, Problem};
use crate::import::Import;
use crate::query::{Params, limit};
use crate::reading::Reading;
use crate::routes::hosts::{List, after};
use crate::state::Now;
use crate::views::policy::policy;

pub(crate) async fn add(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(new): Body<NewPolicy>,
) -> Result<(StatusCode, Json<Policy>), Problem> {
    new.check_entry(None)?;
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    catalogue.check(&new)?;
    let hostname = new.hostname.clone();
    let hosts = store.host_ids(&caller.workspace, &[hostname.to_string()]).await?;
    let Some((_, host_id)) = hosts.into_iter().next() else {
        return Err(unknown(&hostname).into());
    };
    let (now, spec) = (now.read(), new.clone());
    let added = store.add_policies(&caller.workspace, &[(host_id, new)], now).await?;
    if let Some((_, other)) = added.taken.first() {
        return Err(Problem::field(Code::Duplicate, target_taken(&caller.workspace, other)));
    }
    let Some((_, id)) = added.policies.into_iter().next() else {
        return Err(Problem::field(Code::Duplicate, exists(&hostname)));
    };
    let policy = Policy {
        id,
        workspace: caller.workspace,
        host_id,
        spec,
        created_at: now,
    };
    Ok((StatusCode::CREATED, Json(policy)))
}

pub(crate) async fn import(reading: Reading, Bulk(items): Bulk) -> Result<Json<Imported>, Problem> {
    let Reading { store, now, caller } = &reading;
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    let check = |new: &NewPolicy| new.check_entry(None).and_then(|()| catalogue.check(new));
    let mut import = Import::read(&items, check, |new| new.hostname.as_str());
    let mut created = 0;
    for part in import.parts() {
        created += add_part(&reading, part, &mut import).await?;
    }
    Ok(Json(import.ended(created)))
}

/// Adds what has a host and no policy yet; gives back how many.
async fn add_part(
    reading: &Reading,
    part: Vec<(usize, NewPolicy)>,
    import: &mut Import<NewPolicy>,
) -> Result<usize, Problem> {
    let Reading { store, now, caller } = reading;
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
    let added = store.add_policies(&caller.workspace, &known, now.read()).await?;
    let others: HashMap<&str, &Taken> = added.taken.iter().map(|(name, other)| (name.as_str(), other)).collect();
    let created: HashSet<&str> = added.policies.iter().map(|(hostname, _)| hostname.as_str()).collect();
    for (index, (_, new)) in places.into_iter().zip(&known) {
        let name = new.hostname.as_str();
        if let Some(other) = others.get(name) {
            import.refuse(index, Some(name.to_owned()), target_taken(&caller.workspace, other));
        } else if !created.contains(name) {
            import.refuse(index, Some(name.to_owned()), exists(&new.hostname));
        }
    }
    Ok(created.len())
}

pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<api::policies::Policy>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let after = after(list.after)?;
    let rows = store.policies(&caller.workspace, after.as_deref(), limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.policy.spec.hostname.to_string());
    Ok(Json(page.map(policy)))
}

/// Changes the fields that are given (RFC 7396): null takes a value back to its default, a list is
/// replaced as a whole.
pub(crate) async fn change(
    Reading { store, now, caller }: Reading,
    Path(host): Path<String>,
    Body(fields): Body<Map<String, Value>>,
) -> Result<Json<Policy>, Problem> {
    let was = load(&store, &caller, &host).await?;
    let spec = changed(&was, fields)?;
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    spec.check_entry(Some(&was.spec))
        .and_then(|()| catalogue.check(&spec))?;
    match store.change_policy(&was, &spec, now.read()).await? {
        Changed::Done => {}
        Changed::Taken(other) => return Err(Problem::field(Code::Duplicate, target_taken(&caller.workspace, &other))),
        Changed::Overtaken => {
            let remedy = "look at it, then say your change again";
            let problem = "another request has changed this policy in the same moment";
            return Err(Problem::field(
                Code::OutOfPlace,
                Invalid::new("hostname", problem, remedy),
            ));
        }
    }
    info!(by = %caller.name, policy = %was.spec.hostname, "a policy was changed");
    Ok(Json(Policy { spec, ..was }))
}

fn changed(was: &Policy, fields: Map<String, Value>) -> Result<NewPolicy, Problem> {
    let own = was.spec.hostname.as_str();
    if fields.get("hostname").is_some_and(|name| name.as_str() != Some(own)) {
        let remedy = "add a policy for the other host: vigilo policy add";
        return Err(Invalid::new("hostname", format!("this is the policy of {own}"), remedy).into());
    }
    let mut spec =
        serde_json::to_value(&was.spec).map_err(|error| Problem::new(Code::Unreadable, error.to_string()))?;
    for (field, value) in fields {
        let of_before = FIELDS_OF_BEFORE.iter().find(|(before, _)| *before == field);
        let field = of_before.map_or(field.clone(), |(_, today)| (*today).to_owned());
        match (spec.as_object_mut(), value) {
            (Some(all), Value::Null) => {
                all.remove(&field);
            }
            (Some(all), value) => {
                all.insert(field, value);
            }
            (None, _) => {}
        }
    }
    Ok(body::read(spec.to_string().as_bytes())?)
}

/// What is under way is not left without its policy: it is ended first.
pub(crate) async fn forget(
    State(store): State<Store>,
    caller: Caller,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    let policy = load(&store, &caller, &host).await?;
    if let Some((_, run)) = store.active_runs(&[policy.id]).await?.first() {
        let problem = format!("run {run} of this policy has not ended");
        let remedy = format!("wait for its end, or cancel it: vigilo cancel {run}");
        return Err(Problem::field(
            Code::OutOfPlace,
            Invalid::new("hostname", problem, remedy),
        ));
    }
    if !store.forget_policy(&caller.workspace, &policy.spec.hostname).await? {
        return Err(Problem::absent("policy", &host));
    }
    info!(by = %caller.name, policy = %policy.spec.hostname, "a policy was taken away");
    Ok(StatusCode::NO_CONTENT)
}

async fn load(store: &Store, caller: &Caller, host: &str) -> Result<Policy, Problem> {
    let found = match host.parse::<Hostname>() {
        Ok(hostname) => store.policy_of(&caller.workspace, &hostname).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| {
        let remedy = "give the hostname as vigilo policy list shows it";
        Problem::field(
            Code::NoSuchThing,
            Invalid::new("hostname", format!("{host} has no active policy"), remedy),
        )
    })
}

fn unknown(hostname: &Hostname) -> Invalid {
    let remedy = format!("add the host first: vigilo host add {hostname}");
    Invalid::new("hostname", format!("{hostname} is no host of this workspace"), remedy)
}

/// What another workspace has is not named.
fn target_taken(own: &WorkspaceId, other: &Taken) -> Invalid {
    let theirs = if other.workspace == *own {
        format!("the policy of {}", other.hostname)
    } else {
        "a policy of another workspace".to_owned()
    };
    let problem = format!(
        "{} is replaced by {theirs} already: each would take the other's host down",
        other.path
    );
    let remedy = "give this policy files of its own, or put all names into one policy (sans)";
    Invalid::new("targets", problem, remedy)
}

fn exists(hostname: &Hostname) -> Invalid {
    let problem = format!("{hostname} has an active policy already");
    Invalid::new(
        "hostname",
        problem,
        "see vigilo policy list; one hostname has one policy",
    )
}

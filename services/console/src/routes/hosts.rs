//! `/hosts`: the TLS endpoints of the workspace.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::host::{Host, NewHost};
use domain::{HostId, Hostname, Invalid};
use serde::Deserialize;
use serde_json::Value;
use store::{Store, StoreError};

use crate::auth::Caller;
use crate::body::{Body, Bulk};
use crate::error::{Code, Problem};
use crate::import::{Import, Imported};
use crate::query::{Items, Page, Params, limit};
use crate::state::Now;
use crate::views::host::{ShownHost, host, snapshot};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    pub after: Option<String>,
    pub limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newest {
    pub limit: Option<String>,
}

pub(crate) async fn add(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(new): Body<NewHost>,
) -> Result<(StatusCode, Json<Host>), Problem> {
    new.check()?;
    match store.add_host(&caller.workspace, &new, now.read()).await {
        Ok(host) => Ok((StatusCode::CREATED, Json(host))),
        Err(StoreError::Duplicate { .. }) => Err(Problem::field(Code::Duplicate, exists(&new.hostname))),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn import(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Bulk(items): Bulk,
) -> Result<Json<Imported>, Problem> {
    let mut import = Import::read(&items, NewHost::check, |new| new.hostname.as_str())?;
    let mut created = 0;
    for part in import.parts() {
        let (places, new): (Vec<usize>, Vec<NewHost>) = part.into_iter().unzip();
        let added = store.add_hosts(&caller.workspace, &new, now.read()).await?;
        created += added.len();
        let added: HashSet<String> = added.into_iter().collect();
        for (index, host) in places.into_iter().zip(new) {
            if !added.contains(host.hostname.as_str()) {
                import.refuse(index, Some(host.hostname.to_string()), exists(&host.hostname));
            }
        }
    }
    Ok(Json(import.ended(created)))
}

pub(crate) async fn list(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<ShownHost>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let after = after(list.after)?;
    let rows = store.hosts(&caller.workspace, after.as_deref(), limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.host.is.hostname.to_string());
    let now = now.read();
    Ok(Json(page.map(|view| host(view, now))))
}

pub(crate) async fn snapshots(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Path(id): Path<String>,
    Params(newest): Params<Newest>,
) -> Result<Json<Items<Value>>, Problem> {
    let (id, limit) = (id.parse::<HostId>()?, limit(newest.limit.as_deref())?);
    let seen = store.snapshots(&caller.workspace, id, limit).await?;
    if seen.is_empty() && !store.has_host(&caller.workspace, id).await? {
        return Err(Problem::absent("host_id", id));
    }
    let now = now.read();
    let items = seen.into_iter().map(|one| snapshot(one, now)).collect();
    Ok(Json(Items { items }))
}

/// Lists of hostnames go on behind a hostname.
pub(crate) fn after(cursor: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = cursor else { return Ok(None) };
    let name = text
        .parse::<Hostname>()
        .map_err(|refused| Invalid::new("after", refused.problem, "give the `next` of the page before"))?;
    Ok(Some(name.into()))
}

fn exists(hostname: &Hostname) -> Invalid {
    Invalid::new(
        "hostname",
        format!("{hostname} is a host of this workspace already"),
        "see vigilo host list",
    )
}

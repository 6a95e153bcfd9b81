//! `/hosts`: the TLS endpoints of the workspace.

use std::collections::HashSet;
use std::time::Duration;

use api::hosts::{HostDetail, Snapshot};
use api::imports::Imported;
use api::{Items, Page};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::host::{Host, NewHost};
use domain::{HostId, Hostname, Invalid, Timestamp};
use serde::Deserialize;
use store::{HostView, Store, StoreError};

use crate::auth::Caller;
use crate::body::{Body, Bulk};
use crate::error::{Code, Problem};
use crate::import::Import;
use crate::planner::Planner;
use crate::query::{Params, limit};
use crate::reading::Reading;
use crate::state::Now;
use crate::views::host as views;

/// A verifier needs 8 seconds at most for a host that does not answer.
const CHECK_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(25);

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
    let mut import = Import::read(&items, NewHost::check, |new| new.hostname.as_str());
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
) -> Result<Json<Page<api::hosts::Host>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let after = after(list.after)?;
    let rows = store.hosts(&caller.workspace, after.as_deref(), limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.host.spec.hostname.to_string());
    let now = now.read();
    Ok(Json(page.try_map(|view| views::host(view, now))?))
}

/// By hostname or id, with all that the newest look saw.
pub(crate) async fn show(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Path(host): Path<String>,
) -> Result<Json<HostDetail>, Problem> {
    let view = load(&store, &caller, &host).await?;
    load_detail(&store, &caller, view, now.read()).await
}

/// Has the host looked at now, and answers with what was seen.
#[expect(
    clippy::disallowed_methods,
    reason = "within CHECK_WITHIN, which bounds the whole request"
)]
pub(crate) async fn check(
    State(planner): State<Planner>,
    Reading { store, now, caller }: Reading,
    Path(host): Path<String>,
) -> Result<Json<HostDetail>, Problem> {
    let hostname = load(&store, &caller, &host).await?.host.spec.hostname;
    let asked_at = planner.probe(&caller, &hostname).await?;
    let answered = async {
        loop {
            let view = load(&store, &caller, hostname.as_str()).await?;
            if view.answered_at.is_some_and(|answered| answered >= asked_at) {
                return Ok::<HostView, Problem>(view);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let unseen = |_| {
        let detail = format!(
            "{hostname} was asked for at {asked_at}, and no verifier has answered within {CHECK_WITHIN:?}; see whether \
             one runs. What it sees will be shown by the host"
        );
        Problem::new(Code::TooSlow, detail)
    };
    let view = tokio::time::timeout(CHECK_WITHIN, answered).await.map_err(unseen)??;
    load_detail(&store, &caller, view, now.read()).await
}

async fn load_detail(
    store: &Store,
    caller: &Caller,
    view: HostView,
    now: Timestamp,
) -> Result<Json<HostDetail>, Problem> {
    let look = store.newest_look(&caller.workspace, view.host.id).await?;
    Ok(Json(views::detail(view, look, now)?))
}

pub(crate) async fn snapshots(
    Reading { store, now, caller }: Reading,
    Path(host): Path<String>,
    Params(newest): Params<Newest>,
) -> Result<Json<Items<Snapshot>>, Problem> {
    let limit = limit(newest.limit.as_deref())?;
    let id = load(&store, &caller, &host).await?.host.id;
    let seen = store.snapshots(&caller.workspace, id, limit).await?;
    let now = now.read();
    let items = views::snapshots(seen, now)?;
    Ok(Json(Items { items }))
}

/// The host that a path names, by its id or its name.
async fn load(store: &Store, caller: &Caller, text: &str) -> Result<HostView, Problem> {
    let id = text.parse::<HostId>().ok();
    let hostname = text.parse::<Hostname>().ok();
    let name = hostname.as_ref().map(Hostname::as_str);
    let found = store.host(&caller.workspace, id, name).await?;
    found.ok_or_else(|| Problem::absent("host", text))
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

//! `/runs`: where renewals stand, and what happened in them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use bus::Bus;
use domain::run::Status;
use domain::{Hostname, Invalid, RunId};
use serde::Deserialize;
use serde_json::Value;
use store::{RunFilter, RunView, Store};

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::query::{Items, Page, Params, limit};
use crate::state::Now;
use crate::untaken;
use crate::views::run::{self as views, ShownRun, Standing, WholeRun};

const MOST_IDS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    job: Option<String>,
    status: Option<String>,
    hostname: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ids {
    ids: Vec<RunId>,
}

/// Newest first.
pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<ShownRun>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let filter = RunFilter {
        job: list.job.map(|text| text.parse()).transpose()?,
        status: list.status.as_deref().map(status).transpose()?,
        hostname: list
            .hostname
            .map(|text| text.parse::<Hostname>())
            .transpose()?
            .map(String::from),
        before: list.after.map(|text| cursor(&text)).transpose()?,
        ids: None,
    };
    let rows = store.runs(&caller.workspace, &filter, limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.run.head.id.to_string());
    Ok(Json(page.map(views::run)))
}

/// How many runs stand in each status; those without any are there too.
pub(crate) async fn counts(State(store): State<Store>, caller: Caller) -> Result<Json<BTreeMap<String, i64>>, Problem> {
    let mut counts: BTreeMap<String, i64> = Status::ALL
        .into_iter()
        .map(|status| (status.as_str().to_owned(), 0))
        .collect();
    counts.extend(store.run_counts(&caller.workspace).await?);
    Ok(Json(counts))
}

/// The standing of many runs at once, for those who wait for them.
pub(crate) async fn standing(
    State(store): State<Store>,
    State(bus): State<Bus>,
    State(now): State<Now>,
    caller: Caller,
    Body(Ids { ids }): Body<Ids>,
) -> Result<Json<Items<Standing>>, Problem> {
    if ids.len() > MOST_IDS {
        let problem = format!("{} ids are too many", ids.len());
        return Err(Invalid::new("ids", problem, format!("ask for at most {MOST_IDS} at once")).into());
    }
    let most = i64::try_from(ids.len()).unwrap_or(0);
    let filter = RunFilter {
        ids: Some(ids),
        ..RunFilter::default()
    };
    let rows = store.runs(&caller.workspace, &filter, most).await?;
    let now = now.read();
    let lying = untaken::look(&bus, &rows, now).await;
    let said = |view| views::standing(view).or_waits_for(untaken::words(view, &lying, now));
    let items = rows.iter().map(said).collect();
    Ok(Json(Items { items }))
}

pub(crate) async fn show(
    State(store): State<Store>,
    State(bus): State<Bus>,
    State(now): State<Now>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<WholeRun>, Problem> {
    let view = load(&store, &caller, &id).await?;
    let steps = store.steps(&caller.workspace, view.run.head.id).await?;
    let acts = store.acts(&caller.workspace, view.run.head.id).await?;
    let now = now.read();
    let lying = untaken::look(&bus, std::slice::from_ref(&view), now).await;
    let said = untaken::words(&view, &lying, now);
    Ok(Json(views::whole(view, steps, acts).or_waits_for(said)))
}

/// The raw ACME exchange, redacted, oldest first.
pub(crate) async fn exchange(
    State(store): State<Store>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Items<Value>>, Problem> {
    let view = load(&store, &caller, &id).await?;
    let attempts = store.exchanges(&caller.workspace, view.run.head.id).await?;
    Ok(Json(Items {
        items: views::exchange(attempts),
    }))
}

pub(crate) async fn load(store: &Store, caller: &Caller, id: &str) -> Result<RunView, Problem> {
    let id: RunId = id.parse()?;
    let filter = RunFilter {
        ids: Some(vec![id]),
        ..RunFilter::default()
    };
    let found = store.runs(&caller.workspace, &filter, 1).await?.into_iter().next();
    found.ok_or_else(|| Problem::absent("run_id", id))
}

fn status(text: &str) -> Result<Status, Invalid> {
    Status::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Status::ALL.into_iter().map(Status::as_str).collect();
        Invalid::new(
            "status",
            format!("{text:?} is no status of a run"),
            format!("give one of {}", known.join(", ")),
        )
    })
}

fn cursor(text: &str) -> Result<RunId, Invalid> {
    text.parse().map_err(|_| {
        Invalid::new(
            "after",
            format!("{text:?} is not an id"),
            "give the `next` of the page before",
        )
    })
}

//! `/runs`: where renewals stand, and what happened in them.

use std::collections::BTreeMap;

use api::runs::{Run, RunCounts, RunDetail, RunIds, Standing};
use api::{Items, Page};
use axum::Json;
use axum::extract::{Path, State};
use bus::Bus;
use domain::run::Status;
use domain::{Hostname, Invalid, RunId};
use protocol::report::Exchange;
use serde::Deserialize;
use store::{RunFilter, RunView, Store};

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::query::{Params, limit};
use crate::reading::Reading;
use crate::undelivered;
use crate::views::run as views;

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

/// Newest first.
pub(crate) async fn list(
    State(bus): State<Bus>,
    Reading { store, now, caller }: Reading,
    Params(list): Params<List>,
) -> Result<Json<Page<Run>>, Problem> {
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
    let now = now.read();
    let held_up = undelivered::look(&bus, &rows, now).await;
    let page = Page::of(rows, limit, |view| view.run.head.id.to_string());
    Ok(Json(page.map(|view| {
        let said = undelivered::words(&view, &held_up, now);
        let mut run = views::run(view);
        run.standing = views::or_waits_for(run.standing, said);
        run
    })))
}

/// How many runs stand in each status; those without any are there too.
pub(crate) async fn counts(State(store): State<Store>, caller: Caller) -> Result<Json<RunCounts>, Problem> {
    let mut counts: BTreeMap<String, i64> = Status::ALL
        .into_iter()
        .map(|status| (status.as_str().to_owned(), 0))
        .collect();
    counts.extend(store.run_counts(&caller.workspace).await?);
    Ok(Json(RunCounts(counts)))
}

/// The standing of many runs at once, for those who wait for them.
pub(crate) async fn standing(
    State(bus): State<Bus>,
    Reading { store, now, caller }: Reading,
    Body(RunIds { ids }): Body<RunIds>,
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
    let lying = undelivered::look(&bus, &rows, now).await;
    let said = |view| views::or_waits_for(views::standing(view), undelivered::words(view, &lying, now));
    let items = rows.iter().map(said).collect();
    Ok(Json(Items { items }))
}

pub(crate) async fn show(
    State(bus): State<Bus>,
    Reading { store, now, caller }: Reading,
    Path(id): Path<String>,
) -> Result<Json<RunDetail>, Problem> {
    let view = load(&store, &caller, &id).await?;
    let steps = store.steps(&caller.workspace, view.run.head.id).await?;
    let acts = store.acts(&caller.workspace, view.run.head.id).await?;
    let now = now.read();
    let lying = undelivered::look(&bus, std::slice::from_ref(&view), now).await;
    let said = undelivered::words(&view, &lying, now);
    let mut detail = views::detail(view, steps, acts)?;
    detail.run.standing = views::or_waits_for(detail.run.standing, said);
    Ok(Json(detail))
}

/// The raw ACME exchange, redacted, oldest first.
pub(crate) async fn exchange(
    State(store): State<Store>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Items<Exchange>>, Problem> {
    let view = load(&store, &caller, &id).await?;
    let attempts = store.exchanges(&caller.workspace, view.run.head.id).await?;
    Ok(Json(Items {
        items: views::exchange(attempts)?,
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

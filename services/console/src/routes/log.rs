//! `/runs/{id}/log`: the log of a run, whole from the record, or followed while it grows.

use api::Items;
use api::runs::Line;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bus::Bus;
use domain::Invalid;
use serde::Deserialize;
use store::Store;

use super::runs::load;
use crate::auth::Caller;
use crate::error::Problem;
use crate::follow::log::FollowedLog;
use crate::follow::{Followers, Tail, serve};
use crate::query::{Params, yes};
use crate::state::Console;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    follow: Option<String>,
}

/// What a log is made of.
#[derive(Clone, axum::extract::FromRequestParts)]
#[from_request(state(Console))]
pub(crate) struct Sources {
    #[from_request(via(State))]
    store: Store,
    #[from_request(via(State))]
    bus: Bus,
    #[from_request(via(State))]
    followers: Followers,
    caller: Caller,
}

pub(crate) async fn show(
    sources: Sources,
    Path(id): Path<String>,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = load(&sources.store, &sources.caller, &id).await?.run.head.id;
    let workspace = sources.caller.workspace;
    let mut tail = came_back(&headers)?;
    if yes("follow", query.follow.as_deref())? {
        let follower = sources.followers.join()?;
        let of_record = FollowedLog::of_record(sources.store, workspace, run, tail);
        let followed = of_record.joined(&sources.bus).await;
        return Ok(serve(followed, follower));
    }
    let steps = sources.store.steps_after(&workspace, run, tail.shown_whole()).await?;
    let items: Vec<Line> = tail.recorded(&steps)?.into_iter().map(|(line, _)| line).collect();
    Ok(Json(Items { items }).into_response())
}

/// A reader whose connection broke says what it has read (HTML, 9.2: `Last-Event-ID`).
fn came_back(headers: &HeaderMap) -> Result<Tail, Invalid> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(Tail::default());
    };
    let tail = id.to_str().ok().and_then(|text| text.parse().ok());
    tail.ok_or_else(|| {
        let remedy = "send back the id of the last event as it came, or leave the header out";
        Invalid::new("Last-Event-ID", "it is no id of an event of a log", remedy)
    })
}

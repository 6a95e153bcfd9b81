//! `/events`: what happens to the runs of the workspace, as server-sent events, replayed and followed.

use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bus::Bus;
use bus::logs::From;
use domain::{Invalid, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::auth::Caller;
use crate::error::Problem;
use crate::follow::events::FollowedEvents;
use crate::follow::{Followers, serve};
use crate::query::{Params, yes};
use crate::state::{Console, Now};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    since: Option<String>,
    follow: Option<String>,
}

/// What the events of a workspace are made of.
#[derive(Clone, FromRequestParts)]
#[from_request(state(Console))]
pub(crate) struct Sources {
    #[from_request(via(State))]
    bus: Bus,
    #[from_request(via(State))]
    followers: Followers,
    #[from_request(via(State))]
    now: Now,
    caller: Caller,
}

pub(crate) async fn show(
    sources: Sources,
    Params(query): Params<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let follow = yes("follow", query.follow.as_deref())?;
    // NATS takes an instant beyond the year 2262 for one long past.
    let from = match (came_back(&headers)?, query.since.as_deref()) {
        (Some(number), _) => From::Behind(number),
        (None, Some(since)) => From::Since(instant(since)?.min(sources.now.read())),
        (None, None) if follow => From::Now,
        (None, None) => From::Behind(0),
    };
    let follower = sources.followers.join()?;
    let workspace = &sources.caller.workspace;
    let following = sources.bus.follow_events(workspace, from).await?;
    Ok(serve(FollowedEvents::of(following, follow), follower))
}

/// A reader whose connection broke says what it has read (HTML, 9.2: `Last-Event-ID`).
fn came_back(headers: &HeaderMap) -> Result<Option<u64>, Invalid> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = id.to_str().ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let remedy = "send back the id of the last event as it came, or leave the header out";
        Invalid::new("Last-Event-ID", "it is no id of an event", remedy)
    })
}

fn instant(text: &str) -> Result<Timestamp, Invalid> {
    serde_json::from_value(json!(text)).map_err(|_| {
        let remedy = "give an instant such as 2026-01-31T18:00:00Z";
        Invalid::new("since", format!("{text:?} is no instant"), remedy)
    })
}

//! `/limits`, `/target-groups` and `/tag-windows`: what paces the runs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::Invalid;
use domain::limit::{Limit, Scope};
use domain::provider::Day;
use domain::target::check_group_name;
use domain::window::{self, Window};
use serde::{Deserialize, Serialize};
use store::{Store, TagWindows};
use url::Url;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::{Code, Problem};
use crate::state::Now;

#[derive(Serialize)]
pub(crate) struct All<T> {
    items: Vec<T>,
}

/// A limit without its id, which is in the path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidLimit {
    directory_url: Url,
    scope: Scope,
    title: String,
    burst: u32,
    period_seconds: u32,
    source: String,
    /// Absent: today.
    #[serde(default)]
    last_verified: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize)]
pub(crate) struct Group {
    name: String,
    at_once: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidGroup {
    at_once: u32,
}

#[derive(Serialize)]
pub(crate) struct Tag {
    tag: String,
    windows: Vec<Window>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidTag {
    windows: Vec<Window>,
}

/// Limits are of the CAs, not of a workspace: all see and set the same.
pub(crate) async fn limits(State(store): State<Store>, _: Caller) -> Result<Json<All<Limit>>, Problem> {
    let items = store.limits().await?;
    Ok(Json(All { items }))
}

pub(crate) async fn set_limit(
    State(store): State<Store>,
    State(now): State<Now>,
    _: Caller,
    Path(id): Path<String>,
    Body(said): Body<SaidLimit>,
) -> Result<Json<Limit>, Problem> {
    let now = now.read();
    let limit = Limit {
        id,
        directory_url: said.directory_url,
        scope: said.scope,
        title: said.title,
        burst: said.burst,
        period_seconds: said.period_seconds,
        source: said.source,
        last_verified: said.last_verified.unwrap_or_else(|| Day::of(now).to_string()),
        enabled: said.enabled,
    };
    limit.check(now)?;
    store.set_limit(&limit).await?;
    Ok(Json(limit))
}

pub(crate) async fn groups(State(store): State<Store>, caller: Caller) -> Result<Json<All<Group>>, Problem> {
    let groups = store.target_groups(Some(&caller.workspace)).await?.into_iter();
    let items = groups.map(|group| Group {
        name: group.name,
        at_once: group.at_once,
    });
    Ok(Json(All { items: items.collect() }))
}

pub(crate) async fn set_group(
    State(store): State<Store>,
    caller: Caller,
    Path(name): Path<String>,
    Body(said): Body<SaidGroup>,
) -> Result<Json<Group>, Problem> {
    check_group_name(&name).map_err(|refused| refused.within("name"))?;
    let at_once = said.at_once;
    if !(1..=2_000).contains(&at_once) {
        let remedy = "give 1 to 2000; delete the group when it has no bound of its own";
        return Err(Invalid::new("at_once", format!("{at_once} is out of range"), remedy).into());
    }
    store
        .set_target_group(&caller.workspace, (&name, Some(at_once)))
        .await?;
    Ok(Json(Group { name, at_once }))
}

pub(crate) async fn forget_group(
    State(store): State<Store>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if store.set_target_group(&caller.workspace, (&name, None)).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(absent(
        "name",
        format!("the target group {name} has no bound"),
        "vigilo group list",
    ))
}

pub(crate) async fn tags(State(store): State<Store>, caller: Caller) -> Result<Json<All<Tag>>, Problem> {
    let tags = store.tag_windows(&caller.workspace).await?.into_iter();
    let items = tags.map(|said| Tag {
        tag: said.tag,
        windows: said.windows,
    });
    Ok(Json(All { items: items.collect() }))
}

pub(crate) async fn set_tag(
    State(store): State<Store>,
    caller: Caller,
    Path(tag): Path<String>,
    Body(said): Body<SaidTag>,
) -> Result<Json<Tag>, Problem> {
    if said.windows.is_empty() {
        let remedy = "give at least one, or delete what is said of the tag";
        return Err(Invalid::new("windows", "the list is empty", remedy).into());
    }
    check_tag(&tag)?;
    window::check(&said.windows)?;
    let kept = TagWindows {
        tag: tag.clone(),
        windows: said.windows.clone(),
    };
    store.set_tag_windows(&caller.workspace, &kept).await?;
    Ok(Json(Tag {
        tag,
        windows: said.windows,
    }))
}

pub(crate) async fn forget_tag(
    State(store): State<Store>,
    caller: Caller,
    Path(tag): Path<String>,
) -> Result<StatusCode, Problem> {
    let problem = format!("the tag {tag} has no windows");
    let nothing = TagWindows {
        tag,
        windows: Vec::new(),
    };
    if store.set_tag_windows(&caller.workspace, &nothing).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(absent("tag", problem, "vigilo window list"))
}

/// What no host carries is no tag, but a host may get it later.
fn check_tag(tag: &str) -> Result<(), Invalid> {
    if tag.trim() == tag && (1..=200).contains(&tag.chars().count()) && !tag.contains(char::is_control) {
        return Ok(());
    }
    let remedy = "give a tag of hosts, 1 to 200 characters without blanks at its ends";
    Err(Invalid::new("tag", format!("{tag:?} is no tag"), remedy))
}

fn absent(field: &str, problem: String, list: &str) -> Problem {
    let remedy = format!("{list} shows those that there are");
    Problem::field(Code::NoSuchThing, Invalid::new(field, problem, remedy))
}

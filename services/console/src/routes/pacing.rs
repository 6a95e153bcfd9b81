//! `/limits`, `/target-groups` and `/tag-windows`: what paces the runs.

use api::Items;
use api::pacing::{GroupBound, NewLimit, NewTagWindows, TagWindows, TargetGroup};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::Invalid;
use domain::ca::CaRef;
use domain::limit::Limit;
use domain::provider::Day;
use domain::target::check_group_name;
use domain::window;
use store::Store;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::{Code, Problem};
use crate::reading::Reading;

/// Limits are of the CAs, not of a workspace: all see and set the same.
pub(crate) async fn limits(State(store): State<Store>, _: Caller) -> Result<Json<Items<Limit>>, Problem> {
    let items = store.limits().await?;
    Ok(Json(Items { items }))
}

pub(crate) async fn set_limit(
    Reading { store, now, .. }: Reading,
    Path(id): Path<String>,
    Body(said): Body<NewLimit>,
) -> Result<Json<Limit>, Problem> {
    let now = now.read();
    let limit = Limit {
        id,
        ca: CaRef::Acme(said.directory_url),
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

pub(crate) async fn groups(State(store): State<Store>, caller: Caller) -> Result<Json<Items<TargetGroup>>, Problem> {
    let groups = store.target_groups(Some(&caller.workspace)).await?.into_iter();
    let items = groups.map(|group| TargetGroup {
        name: group.name,
        at_once: group.at_once,
    });
    Ok(Json(Items { items: items.collect() }))
}

pub(crate) async fn set_group(
    State(store): State<Store>,
    caller: Caller,
    Path(name): Path<String>,
    Body(said): Body<GroupBound>,
) -> Result<Json<TargetGroup>, Problem> {
    check_group_name(&name).map_err(|refused| refused.within("name"))?;
    let at_once = said.at_once;
    if !(1..=2_000).contains(&at_once) {
        let remedy = "give 1 to 2000; delete the group when it has no bound of its own";
        return Err(Invalid::new("at_once", format!("{at_once} is out of range"), remedy).into());
    }
    store.set_target_group(&caller.workspace, &name, Some(at_once)).await?;
    Ok(Json(TargetGroup { name, at_once }))
}

pub(crate) async fn forget_group(
    State(store): State<Store>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if store.set_target_group(&caller.workspace, &name, None).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(absent(
        "name",
        format!("the target group {name} has no bound"),
        "vigilo group list",
    ))
}

pub(crate) async fn tags(State(store): State<Store>, caller: Caller) -> Result<Json<Items<TagWindows>>, Problem> {
    let tags = store.tag_windows(&caller.workspace).await?.into_iter();
    let items = tags.map(|said| TagWindows {
        tag: said.tag,
        windows: said.windows,
    });
    Ok(Json(Items { items: items.collect() }))
}

pub(crate) async fn set_tag(
    State(store): State<Store>,
    caller: Caller,
    Path(tag): Path<String>,
    Body(said): Body<NewTagWindows>,
) -> Result<Json<TagWindows>, Problem> {
    if said.windows.is_empty() {
        let remedy = "give at least one, or delete what is said of the tag";
        return Err(Invalid::new("windows", "the list is empty", remedy).into());
    }
    check_tag(&tag)?;
    window::check(&said.windows)?;
    let kept = store::TagWindows {
        tag: tag.clone(),
        windows: said.windows.clone(),
    };
    store.set_tag_windows(&caller.workspace, &kept).await?;
    Ok(Json(TagWindows {
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
    let nothing = store::TagWindows {
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

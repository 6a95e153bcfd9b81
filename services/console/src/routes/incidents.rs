//! `/incidents`: what a person was told of, and what people say of it.

use api::Page;
use api::incidents::{Incident, IncidentDetail, Note};
use axum::Json;
use axum::extract::{Path, State};
use domain::incident::State as Stands;
use domain::{IncidentId, Invalid};
use protocol::SCHEMA;
use protocol::incident::{IncidentAct, IncidentActAsk};
use serde::Deserialize;
use store::{IncidentFilter, IncidentView, Store};

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::incidents::IncidentService;
use crate::query::{Params, limit};
use crate::views::incident as views;

/// Runs of one incident that are shown at once.
const MOST_MEMBERS: i64 = 10_000;
const LONGEST_NOTE: usize = 2_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    state: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

/// Newest first.
pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<Incident>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let filter = IncidentFilter {
        state: list.state.as_deref().map(parse_state).transpose()?,
        before: list.after.as_deref().map(cursor).transpose()?,
        id: None,
    };
    let rows = store.incidents(&caller.workspace, &filter, limit + 1).await?;
    let page = Page::of(rows, limit, |view| view.incident.id.to_string());
    Ok(Json(page.map(views::head)))
}

pub(crate) async fn show(
    State(store): State<Store>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<IncidentDetail>, Problem> {
    let view = load(&store, &caller, &id).await?;
    load_detail(&store, &caller, view).await
}

/// What a route that acts on an incident is given.
#[derive(Clone, axum::extract::FromRequestParts)]
#[from_request(state(crate::state::Console))]
pub(crate) struct IncidentContext {
    #[from_request(via(State))]
    store: Store,
    #[from_request(via(State))]
    incidents: IncidentService,
    caller: Caller,
}

/// A person works on it.
pub(crate) async fn acknowledge(
    context: IncidentContext,
    Path(id): Path<String>,
    Body(note): Body<Note>,
) -> Result<Json<IncidentDetail>, Problem> {
    act(context, IncidentAct::Acknowledge, &id, note).await
}

/// A person says that it is over.
pub(crate) async fn close(
    context: IncidentContext,
    Path(id): Path<String>,
    Body(note): Body<Note>,
) -> Result<Json<IncidentDetail>, Problem> {
    act(context, IncidentAct::Close, &id, note).await
}

async fn act(
    context: IncidentContext,
    act: IncidentAct,
    id: &str,
    note: Note,
) -> Result<Json<IncidentDetail>, Problem> {
    let IncidentContext {
        store,
        incidents,
        caller,
    } = context;
    let incident_id = load(&store, &caller, id).await?.incident.id;
    let ask = IncidentActAsk {
        schema: SCHEMA,
        incident_id,
        act,
        by: caller.name.clone(),
        note: checked(note)?,
    };
    incidents.act(&caller, &ask).await?;
    load_detail(&store, &caller, load(&store, &caller, id).await?).await
}

fn checked(Note { note }: Note) -> Result<String, Invalid> {
    if note.chars().count() > LONGEST_NOTE {
        let right = format!("say it in at most {LONGEST_NOTE} characters");
        return Err(Invalid::new("note", "it is too long", right));
    }
    Ok(note)
}

async fn load(store: &Store, caller: &Caller, id: &str) -> Result<IncidentView, Problem> {
    let id: IncidentId = id.parse()?;
    let found = store.incident(&caller.workspace, id).await?;
    found.ok_or_else(|| Problem::absent("incident_id", id))
}

async fn load_detail(store: &Store, caller: &Caller, view: IncidentView) -> Result<Json<IncidentDetail>, Problem> {
    let (workspace, id) = (&caller.workspace, view.incident.id);
    let members = store.incident_members(workspace, id, MOST_MEMBERS).await?;
    let changes = store.incident_changes(workspace, id).await?;
    let notifications = store.notifications_of(workspace, id).await?;
    Ok(Json(views::detail(view, members, changes, notifications)))
}

fn parse_state(text: &str) -> Result<Stands, Invalid> {
    let found = Stands::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| {
        let known: Vec<&str> = Stands::ALL.into_iter().map(Stands::as_str).collect();
        let problem = format!("{text:?} is no state of an incident");
        Invalid::new("state", problem, format!("give one of {}", known.join(", ")))
    })
}

fn cursor(text: &str) -> Result<IncidentId, Invalid> {
    text.parse().map_err(|_| {
        Invalid::new(
            "after",
            format!("{text:?} is not an id"),
            "give the `next` of the page before",
        )
    })
}

//! What people do to runs: resume, retry, cancel, one or many; and resolve with a certificate got elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use custody::Sealer;
use domain::chain::{self, Key, Wanted};
use domain::run::{PreparedKey, Product};
use domain::secret::Purpose;
use domain::{Invalid, RunId};
use protocol::request::{RefusedRun, ResolveRequest, Verb};
use serde::{Deserialize, Serialize};
use store::{RunView, Standing, Store};
use zeroize::Zeroizing;

use crate::auth::Caller;
use crate::body::{Body, Perhaps};
use crate::error::{Code, Problem};
use crate::leaf_key::LeafKey;
use crate::planner::{Deed, Planner};
use crate::routes::runs::load;
use crate::state::Now;

/// As many as a fleet has runs.
const MOST: i64 = 100_000;

#[derive(Serialize)]
pub(crate) struct Told {
    run_id: RunId,
}

/// Every run is in one of the two lists.
#[derive(Serialize)]
pub(crate) struct ToldMany {
    done: Vec<RunId>,
    refused: Vec<RefusedRun>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    #[serde(default)]
    note: Option<String>,
}

/// Either the ids, or all that the word is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Many {
    #[serde(default)]
    ids: Option<Vec<RunId>>,
    #[serde(default)]
    all: bool,
    /// Of all, only those with this error code.
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// It has no `Debug`: it may hold a private key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    chain_pem: String,
    #[serde(default)]
    key_pem: Option<String>,
    #[serde(default)]
    already_installed: bool,
    #[serde(default)]
    note: Option<String>,
}

/// What a route of one run is given.
#[derive(Clone, axum::extract::FromRequestParts)]
#[from_request(state(crate::state::Console))]
pub(crate) struct Desk {
    #[from_request(via(State))]
    store: Store,
    #[from_request(via(State))]
    planner: Planner,
    caller: Caller,
}

pub(crate) async fn resume(desk: Desk, Path(id): Path<String>, why: Perhaps<Why>) -> Result<Json<Told>, Problem> {
    one(desk, Verb::Resume, &id, why).await
}

pub(crate) async fn retry(desk: Desk, Path(id): Path<String>, why: Perhaps<Why>) -> Result<Json<Told>, Problem> {
    one(desk, Verb::Retry, &id, why).await
}

pub(crate) async fn cancel(desk: Desk, Path(id): Path<String>, why: Perhaps<Why>) -> Result<Json<Told>, Problem> {
    one(desk, Verb::Cancel, &id, why).await
}

async fn one(desk: Desk, verb: Verb, id: &str, Perhaps(why): Perhaps<Why>) -> Result<Json<Told>, Problem> {
    let run_id = load(&desk.store, &desk.caller, id).await?.run.head.id;
    let deed = Deed { verb, note: why.note };
    desk.planner.tell(&desk.caller, &deed, run_id).await?;
    Ok(Json(Told { run_id }))
}

pub(crate) async fn resume_many(desk: Desk, Body(many): Body<Many>) -> Result<Json<ToldMany>, Problem> {
    each(desk, (Verb::Resume, Standing::Asking), many).await
}

pub(crate) async fn retry_many(desk: Desk, Body(many): Body<Many>) -> Result<Json<ToldMany>, Problem> {
    each(desk, (Verb::Retry, Standing::FailedLast), many).await
}

/// Of all, those that ask: what works is not given up by a word about many.
pub(crate) async fn cancel_many(desk: Desk, Body(many): Body<Many>) -> Result<Json<ToldMany>, Problem> {
    each(desk, (Verb::Cancel, Standing::Asking), many).await
}

async fn each(desk: Desk, (verb, standing): (Verb, Standing), many: Many) -> Result<Json<ToldMany>, Problem> {
    let ids = match (many.ids, many.all) {
        (Some(ids), false) if !ids.is_empty() && many.code.is_none() => ids,
        (None, true) => {
            let meant = (standing, many.code.as_deref());
            desk.store.standing(&desk.caller.workspace, meant, MOST).await?
        }
        (Some(_) | None, _) => return Err(neither().into()),
    };
    let deed = Deed { verb, note: many.note };
    let (done, refused) = desk.planner.tell_all(&desk.caller, &deed, &ids).await?;
    Ok(Json(ToldMany { done, refused }))
}

fn neither() -> Invalid {
    let remedy = "give at least one id, or \"all\": true with or without a \"code\" and no ids";
    Invalid::new("ids", "it does not say which runs are meant", remedy)
}

/// Looked at here first, so that nothing is sealed in vain; the planner looks again.
pub(crate) async fn resolve(
    desk: Desk,
    State(sealer): State<Sealer>,
    State(now): State<Now>,
    Path(id): Path<String>,
    Body(resolution): Body<Resolution>,
) -> Result<Json<Told>, Problem> {
    let view = load(&desk.store, &desk.caller, &id).await?;
    let key_pem = resolution.key_pem.map(Zeroizing::new);
    let key = key_pem.as_deref().map(|pem| LeafKey::read(pem)).transpose()?;
    let prepared = prepared(&desk, &view).await?;
    let wanted = Wanted {
        names: &view.run.plan.names,
        key: match (&key, &prepared) {
            (Some(key), _) => Key::Brought(key.public()),
            (None, _) if resolution.already_installed => Key::Unseen,
            (None, Some(prepared)) => Key::Prepared(&prepared.csr_pem),
            (None, None) => Key::Missing,
        },
        served: None,
        now: now.read(),
    };
    let accepted = chain::check(&resolution.chain_pem, &wanted)?;
    let sealed_key = match &key {
        None => None,
        Some(key) => Some(sealer.seal(&desk.caller.workspace, Purpose::LeafKey, key.pem()).await?),
    };
    let run_id = view.run.head.id;
    let request = ResolveRequest {
        run_id,
        requested_by: desk.caller.name.clone(),
        chain_pem: accepted.chain_pem,
        sealed_key,
        already_installed: resolution.already_installed,
        note: resolution.note,
    };
    desk.planner.resolve(&desk.caller, &request).await?;
    Ok(Json(Told { run_id }))
}

/// The run's own CSR, to have a certificate issued elsewhere.
pub(crate) async fn csr(desk: Desk, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let view = load(&desk.store, &desk.caller, &id).await?;
    let Some(key) = prepared(&desk, &view).await? else {
        let problem = format!("run {} has prepared no key yet", view.run.head.id);
        let remedy = "look again when its step prepare-key is done; a certificate can also be brought with its own key";
        return Err(Problem::field(
            Code::NoSuchThing,
            Invalid::new("run_id", problem, remedy),
        ));
    };
    Ok(([(CONTENT_TYPE, "application/x-pem-file")], key.csr_pem))
}

async fn prepared(desk: &Desk, view: &RunView) -> Result<Option<PreparedKey>, Problem> {
    let products = desk.store.products(&desk.caller.workspace, view.run.head.id).await?;
    Ok(products.into_iter().find_map(|product| match product {
        Product::PreparedKey(key) => Some(key),
        _ => None,
    }))
}

//! What people do to runs: resume, retry, cancel, one or many; and resolve with a certificate got elsewhere.

use api::Bounded;
use api::acts::{Resolution, RunAct, RunsAct, ToldMany};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use custody::{LeafKey, Sealer};
use domain::Invalid;
use domain::chain::{self, Key, Wanted};
use domain::run::{PreparedKey, Product};
use domain::secret::Purpose;
use protocol::request::{AmendedRun, Amendment, ResolveRequest, Verb};
use store::{RunView, Standing, Store};
use zeroize::Zeroizing;

use crate::auth::Caller;
use crate::body::{Body, Perhaps};
use crate::error::{Code, Problem};
use crate::leaf_key;
use crate::planner::{PersonsAct, Planner};
use crate::routes::runs::load;
use crate::state::Now;

/// Newest looks of a host, each address for itself, among which one saw a certificate.
const LOOKS_BACK: i64 = 100;
/// As many as a fleet has runs.
const MOST: i64 = 100_000;

/// What a route of one run is given.
#[derive(Clone, axum::extract::FromRequestParts)]
#[from_request(state(crate::state::Console))]
pub(crate) struct ActContext {
    #[from_request(via(State))]
    store: Store,
    #[from_request(via(State))]
    planner: Planner,
    #[from_request(via(State))]
    now: Now,
    caller: Caller,
}

pub(crate) async fn resume(
    context: ActContext,
    Path(id): Path<String>,
    why: Perhaps<RunAct>,
) -> Result<Json<AmendedRun>, Problem> {
    act_on_one(context, Verb::Resume, &id, why).await
}

pub(crate) async fn retry(
    context: ActContext,
    Path(id): Path<String>,
    why: Perhaps<RunAct>,
) -> Result<Json<AmendedRun>, Problem> {
    act_on_one(context, Verb::Retry, &id, why).await
}

pub(crate) async fn cancel(
    context: ActContext,
    Path(id): Path<String>,
    why: Perhaps<RunAct>,
) -> Result<Json<AmendedRun>, Problem> {
    act_on_one(context, Verb::Cancel, &id, why).await
}

async fn act_on_one(
    context: ActContext,
    verb: Verb,
    id: &str,
    Perhaps(why): Perhaps<RunAct>,
) -> Result<Json<AmendedRun>, Problem> {
    let run_id = load(&context.store, &context.caller, id).await?.run.head.id;
    let act = PersonsAct {
        verb,
        note: why.note,
        new_account: why.new_account,
    };
    let amendment = context.planner.tell(&context.caller, &act, run_id).await?;
    Ok(Json(AmendedRun { run_id, amendment }))
}

pub(crate) async fn resume_many(context: ActContext, Body(many): Body<RunsAct>) -> Result<Json<ToldMany>, Problem> {
    act_on_many(context, Verb::Resume, Standing::Asking, many).await
}

pub(crate) async fn retry_many(context: ActContext, Body(many): Body<RunsAct>) -> Result<Json<ToldMany>, Problem> {
    act_on_many(context, Verb::Retry, Standing::FailedLast, many).await
}

/// Of all, those that ask: what works is not given up by a word about many.
pub(crate) async fn cancel_many(context: ActContext, Body(many): Body<RunsAct>) -> Result<Json<ToldMany>, Problem> {
    act_on_many(context, Verb::Cancel, Standing::Asking, many).await
}

async fn act_on_many(
    context: ActContext,
    verb: Verb,
    standing: Standing,
    many: RunsAct,
) -> Result<Json<ToldMany>, Problem> {
    let ids = match (many.ids, many.all) {
        (Some(Bounded(ids)), false) if !ids.is_empty() && many.code.is_none() => ids,
        (None, true) => {
            let workspace = &context.caller.workspace;
            context
                .store
                .standing(workspace, standing, many.code.as_deref(), MOST)
                .await?
        }
        (Some(_) | None, _) => return Err(neither().into()),
    };
    let act = PersonsAct {
        verb,
        note: many.note,
        new_account: many.new_account,
    };
    Ok(Json(context.planner.tell_all(&context.caller, &act, &ids).await?))
}

fn neither() -> Invalid {
    let remedy = "give at least one id, or \"all\": true with or without a \"code\" and no ids";
    Invalid::new("ids", "it does not say which runs are meant", remedy)
}

/// What a person brings in the place of what a CA would have issued.
struct Brought<'a> {
    chain_pem: &'a str,
    key: Option<&'a LeafKey>,
    already_installed: bool,
}

/// Looked at here first, so that nothing is sealed in vain; the planner looks again.
pub(crate) async fn resolve(
    context: ActContext,
    State(sealer): State<Sealer>,
    Path(id): Path<String>,
    Body(resolution): Body<Resolution>,
) -> Result<Json<AmendedRun>, Problem> {
    let view = load(&context.store, &context.caller, &id).await?;
    let chain_pem = chain_meant(&context, &view, &resolution).await?;
    let already_installed = resolution.already_installed || resolution.served;
    let key_pem = resolution.key_pem.map(Zeroizing::new);
    let key = key_pem.as_deref().map(|pem| leaf_key::read(pem)).transpose()?;
    let brought = Brought {
        chain_pem: &chain_pem,
        key: key.as_ref(),
        already_installed,
    };
    let accepted = check_brought(&context, &view, &brought).await?;
    let sealed_key = match &key {
        None => None,
        Some(key) => Some(
            sealer
                .seal(&context.caller.workspace, Purpose::LeafKey, key.pem())
                .await?,
        ),
    };
    let run_id = view.run.head.id;
    let request = ResolveRequest {
        run_id,
        requested_by: context.caller.name.clone(),
        chain_pem: accepted.chain_pem,
        sealed_key,
        already_installed,
        note: resolution.note,
    };
    context.planner.resolve(&context.caller, &request).await?;
    let amendment = Amendment::default();
    Ok(Json(AmendedRun { run_id, amendment }))
}

/// The chain that was sent, or the one that is served now.
async fn chain_meant(context: &ActContext, view: &RunView, resolution: &Resolution) -> Result<String, Problem> {
    match (&resolution.chain_pem, resolution.served) {
        (Some(chain_pem), false) => Ok(chain_pem.clone()),
        (None, true) if resolution.key_pem.is_none() => served_now(context, view).await,
        (None, false) => Err(no_chain("it is missing").into()),
        (Some(_) | None, true) => Err(no_chain("it came together with \"served\": true").into()),
    }
}

async fn check_brought(
    context: &ActContext,
    view: &RunView,
    brought: &Brought<'_>,
) -> Result<chain::Accepted, Problem> {
    let prepared = prepared(context, view).await?;
    let wanted = Wanted {
        names: &view.run.plan.names,
        key: match (brought.key, &prepared) {
            (Some(key), _) => Key::Brought(key.public()),
            (None, _) if brought.already_installed => Key::Unseen,
            (None, Some(prepared)) => Key::Prepared(&prepared.csr_pem),
            (None, None) => Key::Missing,
        },
        served: None,
        now: context.now.read(),
    };
    Ok(chain::check(brought.chain_pem, &wanted)?)
}

fn no_chain(problem: &str) -> Invalid {
    let remedy = "give either \"chain_pem\", with \"key_pem\" where it is needed, or \"served\": true alone";
    Invalid::new("chain_pem", problem, remedy)
}

/// The chain of the newest look at the run's host that saw one.
async fn served_now(context: &ActContext, view: &RunView) -> Result<String, Problem> {
    let head = &view.run.head;
    let seen = context
        .store
        .snapshots(&context.caller.workspace, head.host_id, LOOKS_BACK)
        .await?;
    let newest = seen.iter().find_map(|one| one["chain_pem"].as_str());
    newest.map(str::to_owned).ok_or_else(|| {
        let problem = format!("no look has seen a certificate at {} lately", head.hostname);
        let remedy = format!("look now (vigilo host check {}), or give \"chain_pem\"", head.hostname);
        Invalid::new("served", problem, remedy).into()
    })
}

/// The run's own CSR, to have a certificate issued elsewhere.
pub(crate) async fn csr(context: ActContext, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let view = load(&context.store, &context.caller, &id).await?;
    let Some(key) = prepared(&context, &view).await? else {
        let problem = format!("run {} has prepared no key yet", view.run.head.id);
        let remedy = "look again when its step prepare-key is done; a certificate can also be brought with its own key";
        return Err(Problem::field(
            Code::NoSuchThing,
            Invalid::new("run_id", problem, remedy),
        ));
    };
    Ok(([(CONTENT_TYPE, "application/x-pem-file")], key.csr_pem))
}

async fn prepared(context: &ActContext, view: &RunView) -> Result<Option<PreparedKey>, Problem> {
    let products = context
        .store
        .products(&context.caller.workspace, view.run.head.id)
        .await?;
    Ok(products.into_iter().find_map(|product| match product {
        Product::PreparedKey(key) => Some(key),
        _ => None,
    }))
}

//! `/providers`: who issues, what an issuance costs there, and in which order the workspace likes them.

use api::providers::{Preference, Provider, Providers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::Invalid;
use domain::provider::{Catalogue, NewProvider, ProviderChange, ProviderEntry};
use store::Store;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::{Code, Problem};
use crate::reading::Reading;
use crate::state::Now;

pub(crate) async fn list(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
) -> Result<Json<Providers>, Problem> {
    Ok(Json(providers(&store.catalogue(&caller.workspace, now.read()).await?)))
}

fn providers(catalogue: &Catalogue) -> Providers {
    let shown = |entry: &ProviderEntry| Provider {
        stale: catalogue.stale(&entry.id).map(str::to_owned),
        entry: entry.clone(),
    };
    Providers {
        items: catalogue.entries().iter().map(shown).collect(),
        preferred_provider: catalogue.preferred().to_vec(),
    }
}

pub(crate) async fn show(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Provider>, Problem> {
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    let entry = found(&catalogue, &id)?.clone();
    Ok(Json(present(entry, now.read())))
}

fn present(entry: ProviderEntry, now: domain::Timestamp) -> Provider {
    let stale = entry.stale(now);
    Provider { entry, stale }
}

fn found<'a>(catalogue: &'a Catalogue, id: &str) -> Result<&'a ProviderEntry, Problem> {
    let entry = id.parse().ok().and_then(|id| catalogue.get(&id));
    entry.ok_or_else(|| Problem::absent("id", id))
}

pub(crate) async fn add(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(new): Body<NewProvider>,
) -> Result<(StatusCode, Json<Provider>), Problem> {
    let now = now.read();
    let entry = new.entry(now)?;
    let catalogue = store.catalogue(&caller.workspace, now).await?;
    if catalogue.get(&entry.id).is_some() {
        let remedy = "take another id, or change that one: vigilo provider set";
        let exists = Invalid::new("id", format!("there is a provider {} already", entry.id), remedy);
        return Err(Problem::field(Code::Duplicate, exists));
    }
    apart(&catalogue, &entry)?;
    store.keep_provider(&caller.workspace, &entry).await?;
    Ok((StatusCode::CREATED, Json(present(entry, now))))
}

/// One directory is one provider: its price would hang on chance otherwise.
fn apart(catalogue: &Catalogue, entry: &ProviderEntry) -> Result<(), Problem> {
    for (field, staging) in [("directory_url", false), ("staging_url", true)] {
        let holder = entry.ca(staging).and_then(|ca| catalogue.at(&ca));
        if let Some(other) = holder.filter(|other| other.id != entry.id) {
            let problem = format!("it is the directory of {}", other.id);
            let remedy = format!("change that provider instead: vigilo provider set {}", other.id);
            return Err(Problem::field(Code::Duplicate, Invalid::new(field, problem, remedy)));
        }
    }
    Ok(())
}

pub(crate) async fn change(
    Reading { store, now, caller }: Reading,
    Path(id): Path<String>,
    Body(change): Body<ProviderChange>,
) -> Result<Json<Provider>, Problem> {
    let now = now.read();
    let catalogue = store.catalogue(&caller.workspace, now).await?;
    let entry = change.applied_to(found(&catalogue, &id)?, now)?;
    apart(&catalogue, &entry)?;
    store.keep_provider(&caller.workspace, &entry).await?;
    Ok(Json(present(entry, now)))
}

/// The workspace's own entry goes; what it hid counts again.
pub(crate) async fn forget(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Providers>, Problem> {
    let own = id.parse().map_err(|_| Problem::absent("id", &id))?;
    if store.forget_provider(&caller.workspace, &own).await? {
        return Ok(Json(providers(&store.catalogue(&caller.workspace, now.read()).await?)));
    }
    let remedy =
        "what the workspace neither added nor changed cannot be forgotten; disable it: vigilo provider set --disable";
    let refused = Invalid::new("id", format!("the workspace has no entry {id} of its own"), remedy);
    Err(Problem::field(Code::NoSuchThing, refused))
}

pub(crate) async fn prefer(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(wanted): Body<Preference>,
) -> Result<Json<Providers>, Problem> {
    let ids = wanted.preferred_provider;
    let catalogue = store.catalogue(&caller.workspace, now.read()).await?;
    for (index, id) in ids.iter().enumerate() {
        let field = format!("preferred_provider[{index}]");
        if ids[..index].contains(id) {
            let twice = Invalid::new(field, format!("{id} is named already"), "name each once");
            return Err(twice.into());
        }
        catalogue.can_be_named(id).map_err(|refused| refused.within(&field))?;
    }
    store.prefer_providers(&caller.workspace, &ids).await?;
    Ok(Json(providers(&store.catalogue(&caller.workspace, now.read()).await?)))
}

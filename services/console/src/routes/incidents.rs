//! `/incidents`: what a person was told of.

use axum::Json;
use axum::extract::State;
use domain::incident::Incident;
use domain::{IncidentId, Invalid};
use store::Store;

use crate::auth::Caller;
use crate::error::Problem;
use crate::query::{Page, Params, limit};
use crate::routes::hosts::List;

/// Newest first.
pub(crate) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Params(list): Params<List>,
) -> Result<Json<Page<Incident>>, Problem> {
    let limit = limit(list.limit.as_deref())?;
    let before = list.after.map(|text| {
        let refused = |_| {
            Invalid::new(
                "after",
                format!("{text:?} is not an id"),
                "give the `next` of the page before",
            )
        };
        text.parse::<IncidentId>().map_err(refused)
    });
    let before = before.transpose()?.map(IncidentId::get);
    let rows = store.incidents(&caller.workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |incident| incident.id.to_string())))
}

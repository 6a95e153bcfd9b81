//! `/budget`: what the workspace may spend in a calendar month, and what it has spent.

use api::budget::{Budget, MOST_MICRO_USD, NewBudget};
use axum::Json;
use axum::extract::State;
use domain::{Invalid, Timestamp};
use store::Store;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::state::Now;

pub(crate) async fn show(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
) -> Result<Json<Budget>, Problem> {
    load_budget(&store, &caller, now.read()).await
}

pub(crate) async fn set(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(said): Body<NewBudget>,
) -> Result<Json<Budget>, Problem> {
    let (limit, now) = (said.budget_micro_usd_per_month, now.read());
    if let Some(limit) = limit.filter(|limit| *limit > MOST_MICRO_USD) {
        let problem = format!("{limit} are out of range");
        let remedy = format!("give 0 to {MOST_MICRO_USD}, which are a million dollars, or null for no budget");
        return Err(Invalid::new("budget_micro_usd_per_month", problem, remedy).into());
    }
    store.set_budget(&caller.workspace, limit, now).await?;
    load_budget(&store, &caller, now).await
}

async fn load_budget(store: &Store, caller: &Caller, now: Timestamp) -> Result<Json<Budget>, Problem> {
    let budget = store.budget(&caller.workspace, now).await?;
    let waiting = store.waiting_for_budget(&caller.workspace).await?;
    Ok(Json(Budget {
        budget_micro_usd_per_month: budget.limit_micro_usd,
        month: budget.month.to_string(),
        month_ends_at: budget.month.ends_at(),
        spent: budget.spent,
        active: budget.active,
        left_micro_usd: budget.left_micro_usd(),
        over_micro_usd: budget.over_micro_usd(),
        policies_waiting: waiting,
    }))
}

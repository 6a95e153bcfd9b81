//! `/budget`: what the workspace may spend in a calendar month, and what it has spent.

use axum::Json;
use axum::extract::State;
use domain::budget::{Budget, Sum};
use domain::{Invalid, Timestamp};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::state::Now;

/// A million dollars a month: more is a slip of the hand.
const MOST_MICRO_USD: u64 = 1_000_000_000_000;

#[derive(Serialize)]
pub(crate) struct Shown {
    /// Null: any amount may be spent.
    budget_micro_usd_per_month: Option<u64>,
    month: String,
    month_ends_at: Timestamp,
    /// For certificates that were issued in this month.
    spent: Sum,
    /// For those of runs that have not got theirs yet.
    active: Sum,
    left_micro_usd: Option<u64>,
    over_micro_usd: u64,
    /// Policies that are due and wait for money.
    policies_waiting: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// Null takes the budget away; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    budget_micro_usd_per_month: Option<u64>,
}

impl Shown {
    fn of(budget: &Budget, policies_waiting: u32) -> Self {
        Self {
            budget_micro_usd_per_month: budget.limit_micro_usd,
            month: budget.month.to_string(),
            month_ends_at: budget.month.ends_at(),
            spent: budget.spent,
            active: budget.active,
            left_micro_usd: budget.left_micro_usd(),
            over_micro_usd: budget.over_micro_usd(),
            policies_waiting,
        }
    }
}

pub(crate) async fn show(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
) -> Result<Json<Shown>, Problem> {
    shown(&store, &caller, now.read()).await
}

pub(crate) async fn set(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
    Body(said): Body<Said>,
) -> Result<Json<Shown>, Problem> {
    let (limit, now) = (said.budget_micro_usd_per_month, now.read());
    if let Some(limit) = limit.filter(|limit| *limit > MOST_MICRO_USD) {
        let problem = format!("{limit} are out of range");
        let remedy = format!("give 0 to {MOST_MICRO_USD}, which are a million dollars, or null for no budget");
        return Err(Invalid::new("budget_micro_usd_per_month", problem, remedy).into());
    }
    store.set_budget(&caller.workspace, limit, now).await?;
    shown(&store, &caller, now).await
}

async fn shown(store: &Store, caller: &Caller, now: Timestamp) -> Result<Json<Shown>, Problem> {
    let budget = store.budget(&caller.workspace, now).await?;
    let waiting = store.waiting_for_budget(&caller.workspace).await?;
    Ok(Json(Shown::of(&budget, waiting)))
}

//! The budget of the calendar month.

use domain::Timestamp;
use domain::budget::Sum;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A million dollars a month, in millionths: more is a slip of the hand.
pub const MOST_MICRO_USD: u64 = 1_000_000_000_000;

/// What the workspace may spend in the calendar month (UTC), and what it has spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// Millionths of a US dollar; null: any amount may be spent.
    pub budget_micro_usd_per_month: Option<u64>,
    /// For example `2026-11`.
    pub month: String,
    pub month_ends_at: Timestamp,
    /// For certificates that were issued in this month.
    pub spent: Sum,
    /// For those of runs that have not got theirs yet.
    pub active: Sum,
    pub left_micro_usd: Option<u64>,
    pub over_micro_usd: u64,
    /// Policies that are due and wait for money.
    pub policies_waiting: u32,
}

fn amount_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "null"], "minimum": 0, "maximum": MOST_MICRO_USD })
}

/// The budget that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// Null takes the budget away; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(required, schema_with = "amount_or_null")]
    pub budget_micro_usd_per_month: Option<u64>,
}

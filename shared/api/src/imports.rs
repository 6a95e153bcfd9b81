//! What became of an import.

use domain::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of an import: a bad item refuses only itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    pub created: usize,
    pub refused: Vec<RefusedItem>,
}

/// An item that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedItem {
    /// The item's place in the body, from 0.
    pub index: usize,
    pub hostname: Option<String>,
    pub problem: Invalid,
}

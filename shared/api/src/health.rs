//! Whether the console, its database and NATS work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthWord")]
pub enum EngineWord {
    Ok,
    Down,
    /// It answers, and cannot store.
    Full,
    /// It answers, and does not do what it is for.
    Failing,
    /// Room runs out.
    Low,
    Unknown,
}

/// Whether the console can work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `ok` or `down`.
    pub status: EngineWord,
    /// `full` when it answers and its disk has no room.
    pub database: EngineWord,
    /// `failing` when it answers and does not store what it is given.
    pub nats: EngineWord,
    /// Whether what is to be told of incidents is delivered; the incident says why not.
    pub notifications: EngineWord,
    /// Where NATS and Postgres store, if the console is told where that is.
    pub disk: EngineWord,
    /// For people: what is wrong, or will be.
    pub problems: Vec<String>,
    pub version: String,
}

//! Providers: who issues, what it costs there, and whom the workspace prefers.

use domain::provider::{ProviderEntry, ProviderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownProvider")]
pub struct Provider {
    #[serde(flatten)]
    pub entry: ProviderEntry,
    /// Why its facts should be verified again.
    pub stale: Option<String>,
}

/// All providers, and the workspace's order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Providers {
    pub items: Vec<Provider>,
    pub preferred_provider: Vec<ProviderId>,
}

/// Who is taken of equally cheap ones, the first first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    pub preferred_provider: Vec<ProviderId>,
}

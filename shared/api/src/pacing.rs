//! What paces the runs: limits of the CAs, target groups, maintenance windows of host tags.

use domain::limit::Scope;
use domain::window::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// A limit without its id, which is in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLimit {
    /// The ACME directory of the CA.
    pub directory_url: Url,
    pub scope: Scope,
    /// How people call it.
    #[schemars(length(max = 300))]
    pub title: String,
    /// Tokens that may be used at once.
    #[schemars(range(min = 1))]
    pub burst: u32,
    /// Seconds from one token to the next.
    #[schemars(range(min = 1))]
    pub period_seconds: u32,
    /// Where it is written.
    pub source: String,
    /// The day on which a person compared it with the source, `YYYY-MM-DD`; absent: today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// A target group with a bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroup {
    pub name: String,
    /// Targets of it that are deployed to at once, at most.
    pub at_once: u32,
}

/// The bound of a target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBound {
    #[schemars(range(min = 1, max = 2000))]
    pub at_once: u32,
}

/// The maintenance windows of a host tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagWindows {
    pub tag: String,
    pub windows: Vec<Window>,
}

/// The windows that a host tag gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTagWindows {
    #[schemars(length(min = 1))]
    pub windows: Vec<Window>,
}

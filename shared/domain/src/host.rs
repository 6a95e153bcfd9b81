//! Hosts: the TLS endpoints of an estate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{HostId, WorkspaceId};
use crate::invalid::Invalid;
use crate::names::Hostname;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

impl Criticality {
    /// Larger is served first.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Low => 0,
            Self::Medium => 1,
            Self::High => 2,
            Self::Critical => 3,
        }
    }
}

/// What an operator says of a host; the API's body of `POST /hosts` and one line of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHost {
    pub hostname: Hostname,
    #[serde(default = "https")]
    pub port: u16,
    /// Addresses to dial instead of what DNS says, for example `10.0.0.7`, without a port.
    #[serde(default)]
    pub addresses: Vec<std::net::IpAddr>,
    #[serde(default = "production")]
    pub environment: String,
    #[serde(default)]
    pub criticality: Criticality,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default = "hourly")]
    pub probe_interval_seconds: u32,
}

fn https() -> u16 {
    443
}

fn production() -> String {
    "prod".to_owned()
}

fn hourly() -> u32 {
    3600
}

impl NewHost {
    /// What the types alone cannot refuse.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.port == 0 {
            return Err(Invalid::new("port", "0 is no port", "give 1 to 65535; HTTPS uses 443"));
        }
        if self.environment.is_empty() || self.environment.len() > 40 {
            return Err(Invalid::new(
                "environment",
                "it must have 1 to 40 characters",
                "for example prod or staging",
            ));
        }
        if !(1..=604_800).contains(&self.probe_interval_seconds) {
            let problem = format!("{} seconds is out of range", self.probe_interval_seconds);
            return Err(Invalid::new(
                "probe_interval_seconds",
                problem,
                "give 1 (a second) to 604800 (a week)",
            ));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub id: HostId,
    pub workspace: WorkspaceId,
    #[serde(flatten)]
    pub is: NewHost,
    pub created_at: Timestamp,
}

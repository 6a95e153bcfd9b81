//! Hosts: the TLS endpoints of an estate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{HostId, WorkspaceId};
use crate::invalid::Invalid;
use crate::names::Hostname;
use crate::reach;

/// All of them are looked at in every look.
pub const MOST_ADDRESSES: usize = 32;
const MOST_TAGS: usize = 64;
const LONGEST_TAG: usize = 100;

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
    /// In the order in which they are served.
    pub const MOST_FIRST: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
        let of_name = |refused: Invalid| Invalid::new("hostname", refused.problem, refused.remedy);
        reach::check("hostname", self.hostname.ip(), 1).map_err(of_name)?;
        reach::check("addresses", self.addresses.iter().copied(), MOST_ADDRESSES)?;
        self.check_tags()
    }

    fn check_tags(&self) -> Result<(), Invalid> {
        if self.tags.len() > MOST_TAGS {
            let problem = format!("{} are too many", self.tags.len());
            return Err(Invalid::new("tags", problem, format!("give at most {MOST_TAGS}")));
        }
        let is_wrong = |tag: &String| !(1..=LONGEST_TAG).contains(&tag.chars().count());
        match self.tags.iter().position(is_wrong) {
            Some(index) => {
                let problem = format!("it has {} characters", self.tags[index].chars().count());
                let remedy = format!("give 1 to {LONGEST_TAG} characters");
                Err(Invalid::new(format!("tags[{index}]"), problem, remedy))
            }
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    pub id: HostId,
    pub workspace: WorkspaceId,
    #[serde(flatten)]
    pub spec: NewHost,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(with: Value) -> Option<String> {
        let mut host = json!({"hostname": "www.example.org"});
        if let (Some(fields), Some(more)) = (host.as_object_mut(), with.as_object()) {
            fields.extend(more.clone());
        }
        let host: NewHost = serde_json::from_value(host).expect("a host");
        host.check().err().map(|refused| refused.field)
    }

    #[test]
    fn what_one_look_cannot_bear_is_refused_by_its_field() {
        let addresses = |many: u8| -> Vec<String> { (0..many).map(|last| format!("192.0.2.{last}")).collect() };
        for (with, field) in [
            (json!({"addresses": addresses(32)}), None),
            (json!({"addresses": addresses(33)}), Some("addresses")),
            (json!({"addresses": ["127.0.0.1", "10.0.0.7", "::1"]}), None),
            (
                json!({"addresses": ["10.0.0.7", "169.254.169.254"]}),
                Some("addresses[1]"),
            ),
            (json!({"addresses": ["::ffff:169.254.169.254"]}), Some("addresses[0]")),
            (json!({"hostname": "10.0.0.7"}), None),
            (json!({"hostname": "169.254.169.254"}), Some("hostname")),
            (json!({"tags": vec!["a"; 64]}), None),
            (json!({"tags": vec!["a"; 65]}), Some("tags")),
            (json!({"tags": ["a", ""]}), Some("tags[1]")),
            (json!({"tags": ["ü".repeat(100)]}), None),
            (json!({"tags": ["ü".repeat(101)]}), Some("tags[0]")),
        ] {
            assert_eq!(refused(with.clone()).as_deref(), field, "{with}");
        }
    }
}

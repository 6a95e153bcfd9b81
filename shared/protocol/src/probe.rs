//! Looking at hosts beside any run: the planner asks when one is due, the verifier says what it saw.

use std::net::{IpAddr, SocketAddr};

use domain::certificate::{Fingerprint, Snapshot};
use domain::{HostId, Hostname, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

/// `vigilo.probe.ask.<workspace>`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeAsk {
    pub schema: u16,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub hostname: Hostname,
    pub port: u16,
    /// Dialled instead of what DNS says, when given.
    pub addresses: Vec<IpAddr>,
    /// With the host this names the ask; the answer carries it back.
    pub asked_at: Timestamp,
    /// Past this instant it has been asked again.
    pub until: Timestamp,
    /// Several leaves were seen at one of its addresses, and it has not been steady since: closer looks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_mixed: bool,
    /// What the newest look saw: another leaf than that is looked at closely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<LastLeaf>,
}

/// The leaf of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLeaf {
    pub dialled: SocketAddr,
    pub leaf: Fingerprint,
}

impl ProbeAsk {
    pub fn message_id(&self) -> String {
        message_id(self.host_id, self.asked_at)
    }
}

/// `vigilo.probe.seen.<workspace>`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeSeen {
    pub schema: u16,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub asked_at: Timestamp,
    pub seen_at: Timestamp,
    /// One for each address of the host.
    pub snapshots: Vec<Snapshot>,
}

impl ProbeSeen {
    pub fn message_id(&self) -> String {
        format!("{}.seen", message_id(self.host_id, self.asked_at))
    }
}

fn message_id(host: HostId, asked_at: Timestamp) -> String {
    format!("{host}.{}", asked_at.get().unix_timestamp_nanos())
}

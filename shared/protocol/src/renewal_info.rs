//! Asking CAs when they want certificates renewed (RFC 9773): the planner asks when it is time, the issuer says what the
//! CA answered. One message is about several certificates; the first of them stands where a version that knew only one
//! looks for it.

use domain::ari::{CertId, RenewalInfoAnswer};
use domain::ca::CaRef;
use domain::{HostId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

/// `vigilo.renewal-info.ask.<workspace>`: about certificates of one CA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalInfoAsk {
    pub schema: u16,
    pub workspace: WorkspaceId,
    #[serde(flatten)]
    pub first: Served,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Served>,
    /// Written under the name that it had while every CA was an ACME directory.
    #[serde(rename = "directory_url", alias = "ca")]
    pub ca: CaRef,
    /// With the first host this names the ask; the answers carry it back.
    pub asked_at: Timestamp,
    /// Past this instant it has been asked again.
    pub until: Timestamp,
}

/// A certificate, and the host that serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    pub host_id: HostId,
    pub cert_id: CertId,
}

impl RenewalInfoAsk {
    pub fn message_id(&self) -> String {
        message_id(self.first.host_id, self.asked_at)
    }

    pub fn certificates(&self) -> impl Iterator<Item = &Served> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

/// `vigilo.renewal-info.told.<workspace>`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalInfoTold {
    pub schema: u16,
    pub workspace: WorkspaceId,
    #[serde(flatten)]
    pub first: Told,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Told>,
}

/// What a CA answered about one certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub host_id: HostId,
    pub cert_id: CertId,
    pub asked_at: Timestamp,
    pub told_at: Timestamp,
    pub answer: RenewalInfoAnswer,
}

impl RenewalInfoTold {
    pub fn message_id(&self) -> String {
        format!("{}.told", message_id(self.first.host_id, self.first.asked_at))
    }

    pub fn answers(&self) -> impl Iterator<Item = &Told> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

fn message_id(host: HostId, asked_at: Timestamp) -> String {
    format!("{host}.{}", asked_at.get().unix_timestamp_nanos())
}

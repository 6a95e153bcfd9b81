//! Asking CAs when they want a certificate renewed (RFC 9773): the planner asks when it is time, the issuer says what the
//! CA answered.

use domain::ari::{Answer, CertId};
use domain::{HostId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use url::Url;

/// `vigilo.renewal-info.ask.<workspace>`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalInfoAsk {
    pub schema: u16,
    pub workspace: WorkspaceId,
    /// The host that serves the certificate.
    pub host_id: HostId,
    pub cert_id: CertId,
    pub directory_url: Url,
    /// With the host this names the ask; the answer carries it back.
    pub asked_at: Timestamp,
    /// Past this instant it has been asked again.
    pub until: Timestamp,
}

impl RenewalInfoAsk {
    pub fn message_id(&self) -> String {
        message_id(self.host_id, self.asked_at)
    }
}

/// `vigilo.renewal-info.told.<workspace>`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalInfoTold {
    pub schema: u16,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    pub cert_id: CertId,
    pub asked_at: Timestamp,
    pub told_at: Timestamp,
    pub answer: Answer,
}

impl RenewalInfoTold {
    pub fn message_id(&self) -> String {
        format!("{}.told", message_id(self.host_id, self.asked_at))
    }
}

fn message_id(host: HostId, asked_at: Timestamp) -> String {
    format!("{host}.{}", asked_at.get().unix_timestamp_nanos())
}

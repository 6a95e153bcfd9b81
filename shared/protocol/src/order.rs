//! An order: everything one worker needs for one step of one run, secrets sealed.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use domain::ari::CertId;
use domain::backoff::NextTry;
use domain::ca::CaRef;
use domain::certificate::Fingerprint;
use domain::policy::Challenge;
use domain::run::{Checkpoint, Mode, Receipt, Step, StepKind};
use domain::secret::Envelope;
use domain::solver::{self, Solver};
use domain::target::Target;
use domain::{DnsName, Hostname, RunId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

pub use crate::prepare_key::PrepareKeySpec;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order<S> {
    pub schema: u16,
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    pub hostname: Hostname,
    pub step: Step,
    /// With run and step this names the order; a report carries it back.
    pub attempt: u32,
    pub mode: Mode,
    /// Failures of this step so far, for the length of the next wait.
    pub failures: u32,
    /// How long to wait before the next try if the other side does not say.
    #[serde(default)]
    pub wait_seconds: u64,
    /// Past this instant the planner no longer waits for the report.
    pub deadline: Timestamp,
    pub checkpoint: Option<Checkpoint>,
    pub spec: S,
}

impl<S> Order<S> {
    /// `Nats-Msg-Id`: the same order published twice is stored once inside the stream's window.
    pub fn message_id(&self) -> String {
        format!("{}.{}.{}", self.run_id, self.step, self.attempt)
    }

    /// When this step may be tried again, for a verdict; `jitter` in `0.0..1.0`.
    pub fn next_try(&self, now: Timestamp, jitter: f64) -> NextTry {
        NextTry {
            now,
            failures: self.failures,
            wait: Duration::from_secs(self.wait_seconds),
            jitter,
        }
    }

    /// This order with another spec in place of its own.
    pub fn with<T>(self, spec: T) -> Order<T> {
        Order {
            schema: self.schema,
            run_id: self.run_id,
            workspace: self.workspace,
            hostname: self.hostname,
            step: self.step,
            attempt: self.attempt,
            mode: self.mode,
            failures: self.failures,
            wait_seconds: self.wait_seconds,
            deadline: self.deadline,
            checkpoint: self.checkpoint,
            spec,
        }
    }
}

/// What the planner composes; on the wire it is the spec alone, because the subject says which one
/// it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Spec {
    PrepareKey(PrepareKeySpec),
    Issue(Box<IssueSpec>),
    Deploy(Box<DeploySpec>),
    Verify(Box<VerifySpec>),
    Rollback(Box<RollbackSpec>),
    Confirm(Box<ConfirmSpec>),
    Channels(ChannelsSpec),
    Tidy(TidySpec),
}

impl Spec {
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::PrepareKey(_) => StepKind::PrepareKey,
            Self::Issue(_) => StepKind::Issue,
            Self::Deploy(_) => StepKind::Deploy,
            Self::Verify(_) => StepKind::Verify,
            Self::Rollback(_) => StepKind::Rollback,
            Self::Confirm(_) => StepKind::Confirm,
            Self::Channels(_) => StepKind::Channels,
            Self::Tidy(_) => StepKind::Tidy,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueSpec {
    /// Written under the name that it had while every CA was an ACME directory.
    #[serde(rename = "directory_url", alias = "ca")]
    pub ca: CaRef,
    /// The sealed key of this workspace's account at that CA; absent: none has been made yet.
    pub account_key: Option<Envelope>,
    pub names: Vec<DnsName>,
    /// Absent in a rehearsal: nothing is finalized there.
    pub csr_pem: Option<String>,
    pub challenge: Challenge,
    /// Who answers the challenges.
    #[serde(default, skip_serializing_if = "Solver::is_default")]
    pub solver: Solver,
    /// One of those that the CA's directory names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The certificate that this one replaces (RFC 9773 §5), when the account got that one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CertId>,
    /// Another CA stands by: the checkpoint says that no issuer has asked for the certificate
    /// before that is done. Issuers of a version before this field do not heed it: they are
    /// upgraded before the planners.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub save_before_finalize: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploySpec {
    pub target: Target,
    /// Absent in a rehearsal.
    pub certificate: Option<DeployedCertificate>,
    /// Further names that the certificate would have; in a rehearsal only, where there is none to
    /// look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<DnsName>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployedCertificate {
    pub chain_pem: String,
    pub leaf: Fingerprint,
    pub sealed_key: Option<Envelope>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifySpec {
    pub port: u16,
    /// Dialled instead of what DNS says, when given.
    pub addresses: Vec<IpAddr>,
    pub names: Vec<DnsName>,
    /// Absent in a rehearsal: whatever is served is looked at.
    pub expected: Option<ExpectedCertificate>,
    /// Where targets that are deployed answer for themselves; looked at beside the host's
    /// addresses.
    #[serde(default)]
    pub endpoints: Vec<SocketAddr>,
    /// Some targets are not deployed yet: the host's own addresses may serve what was there before,
    /// and that is a hint only.
    #[serde(default)]
    pub partial: bool,
    /// Several leaves were seen at one of the host's addresses, and it has not been steady since:
    /// more looks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_mixed: bool,
}

/// What was served before an installation is put back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollbackSpec {
    pub target: Target,
    /// What the installation left.
    pub receipt: Receipt,
}

/// One of the former certificates shall be served at each of these places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmSpec {
    pub port: u16,
    pub addresses: Vec<IpAddr>,
    /// At the host's own addresses, beside the endpoints.
    pub at_host: bool,
    pub endpoints: Vec<SocketAddr>,
    /// Of the host's addresses those of targets that were not put back: they serve the new one, and
    /// rightly so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<SocketAddr>,
    pub leaves: Vec<Fingerprint>,
}

/// Who would be told of a failure; only ever rehearsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelsSpec {
    pub notify: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectedCertificate {
    pub leaf: Fingerprint,
    pub chain_pem: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TidySpec {
    /// The CA of which something is left; absent: an order of a version before this field, and
    /// always an ACME CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaRef>,
    /// Who has placed it.
    #[serde(default, skip_serializing_if = "Solver::is_default")]
    pub solver: Solver,
    #[serde(flatten)]
    pub left: solver::Receipt,
}

//! Whether targets could take a certificate: the planner asks deployers before it orders one. It
//! travels by core NATS, several runs in one message; the planner does not wait when no deployer
//! answers, or none in time.
//!
//! In: the targets of runs. Out: for those that could not, what a person must mend. Never: a
//! secret; a certificate.

use domain::disposition::Question;
use domain::target::Target;
use domain::{DnsName, Hostname, RunId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// `vigilo.target-check`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetCheckAsk {
    pub schema: u16,
    pub runs: Vec<TargetsOf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetsOf {
    pub run_id: RunId,
    pub workspace: WorkspaceId,
    pub hostname: Hostname,
    /// Further names of the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<DnsName>,
    pub targets: Vec<Target>,
}

/// The others could be deployed to, as far as can be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetCheckTold {
    pub unready: Vec<Unready>,
    /// Runs of whose targets some could take a certificate, with what is wrong with the first that
    /// could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partly: Vec<Unready>,
}

/// What a person must mend at the targets of a run. Where none of them could take a certificate,
/// none is ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unready {
    pub run_id: RunId,
    pub question: Question,
}

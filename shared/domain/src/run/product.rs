//! What a finished step leaves for the steps after it, and what an unfinished one has reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::certificate::{CertificateFacts, Fingerprint, Snapshot};
use crate::clock::Timestamp;
use crate::run::{Checkpoint, StepKind};
use crate::secret::Envelope;
use crate::solver;
use crate::text::{clean, clean_line};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "product", rename_all = "snake_case")]
pub enum Product {
    PreparedKey(PreparedKey),
    Issued(Box<IssuedCertificate>),
    Deployed(Receipt),
    Verified(Verified),
    RolledBack(RolledBack),
    /// What was put back is served again.
    Confirmed(Verified),
    Tidied,
    /// What a dry run learned in place of any of the above.
    Rehearsed(Rehearsal),
}

impl Product {
    #[must_use]
    pub fn as_prepared_key(&self) -> Option<&PreparedKey> {
        let Self::PreparedKey(key) = self else { return None };
        Some(key)
    }

    #[must_use]
    pub fn as_issued(&self) -> Option<&IssuedCertificate> {
        let Self::Issued(issued) = self else { return None };
        Some(issued)
    }

    #[must_use]
    pub fn as_receipt(&self) -> Option<&Receipt> {
        let Self::Deployed(receipt) = self else { return None };
        Some(receipt)
    }

    /// Whether this may be the product of such a step.
    pub fn fits(&self, kind: StepKind) -> bool {
        match self {
            Self::PreparedKey(_) => kind == StepKind::PrepareKey,
            Self::Issued(_) => kind == StepKind::Issue,
            Self::Deployed(_) => kind == StepKind::Deploy,
            Self::Verified(_) => kind == StepKind::Verify,
            Self::RolledBack(_) => kind == StepKind::Rollback,
            Self::Confirmed(_) => kind == StepKind::Confirm,
            Self::Tidied => kind == StepKind::Tidy,
            Self::Rehearsed(_) => match kind {
                StepKind::PrepareKey | StepKind::Issue | StepKind::Deploy | StepKind::Verify | StepKind::Channels => {
                    true
                }
                StepKind::Rollback | StepKind::Confirm | StepKind::Tidy => false,
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedKey {
    /// PKCS#10 (RFC 2986), PEM.
    pub csr_pem: String,
    /// The private key of the `local` backend, sealed for `leaf-key`.
    pub sealed_key: Option<Envelope>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// At the CA; none when a person brought the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_url: Option<Url>,
    /// Leaf first, PEM, as the CA delivered it.
    pub chain_pem: String,
    pub leaf: CertificateFacts,
    /// What is left to Tidy: what was placed for it and could not be removed at once.
    #[serde(flatten)]
    pub left: solver::Receipt,
    /// The private key that a person brought with it, sealed for `leaf-key`; none: the prepared key
    /// is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_key: Option<Envelope>,
}

/// Proof of an installation, and how to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub installed: Fingerprint,
    /// The target had this certificate already; nothing was touched.
    pub already_there: bool,
    /// Where the files that were replaced are kept.
    pub backups: Vec<String>,
    /// What the target had before, if it was a certificate that can be put back.
    #[serde(default)]
    pub replaced: Option<Former>,
    /// What the activation printed.
    pub reload_output: Option<String>,
}

/// What a target had before an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    pub leaf: Fingerprint,
    pub not_after: Timestamp,
}

/// What a deployment that did not end well has left at its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Left {
    /// What was there before the run: nothing is to be put back.
    Former,
    /// The new pair, of which it is not known whether its server has accepted it.
    New { receipt: Receipt },
}

/// Proof that a target has again what it had before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    pub leaf: Fingerprint,
    pub reload_output: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub snapshots: Vec<Snapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Green when no check that counts failed.
    pub checks: Vec<Check>,
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// To be saved before the rehearsal can go on: it comes back with the next order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Checkpoint>,
}

impl Rehearsal {
    pub fn of(checks: Vec<Check>) -> Self {
        Self {
            checks,
            snapshots: Vec::new(),
            needs: None,
        }
    }

    #[must_use]
    pub fn seeing(self, snapshots: Vec<Snapshot>) -> Self {
        Self { snapshots, ..self }
    }
}

/// A tick or a cross, with what was asked and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub name: String,
    pub passed: bool,
    /// A cross that is a hint only: the other side may see it differently.
    #[serde(default)]
    pub advisory: bool,
    pub evidence: String,
    /// When a worker wrote it down; absent where only the end of the step is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What others said is in both texts: control characters are replaced.
impl Check {
    pub fn tick(name: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self {
            name: clean_line(name),
            passed: true,
            advisory: false,
            evidence: clean(evidence),
            at: None,
        }
    }

    pub fn cross(name: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self {
            name: clean_line(name),
            passed: false,
            advisory: false,
            evidence: clean(evidence),
            at: None,
        }
    }

    #[must_use]
    pub fn advisory(mut self) -> Self {
        self.advisory = true;
        self
    }

    #[must_use]
    pub fn seen(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

//! The seam of certificate authorities: what the handlers ask of any CA, and what may come back.
//!
//! In: an [`Application`]. Out: a checkpoint, a chain, or an error that names its remedy. Never: a word of one CA's
//! protocol beyond what stands here; its body translates.

pub mod acme;
mod authorities;
mod error;
pub mod problem;

use async_trait::async_trait;
use bus::StepContext;
use domain::ari::{CertId, RenewalInfoAnswer};
use domain::ca::CaRef;
use domain::run::{Check, Checkpoint};
use domain::secret::Envelope;
use domain::solver::{Receipt, Solver};
use domain::{DnsName, RunId, Timestamp, WorkspaceId};
use url::Url;

pub use crate::challenge::solvers::Remaining;
pub use authorities::Authorities;
pub use error::{CaError, offer};
pub use problem::{Concern, NameProblem, Problem, ProblemKind};

/// Who applies at which CA for which names, and where it is written down.
#[derive(Clone, Copy)]
pub struct Application<'a> {
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub ca: &'a CaRef,
    /// The sealed secret of the workspace's account there; absent: it has none yet, or the CA wants none.
    pub account: Option<&'a Envelope>,
    pub names: &'a [DnsName],
    /// PKCS#10, DER; absent in a rehearsal, where no certificate is asked for.
    pub csr_der: Option<&'a [u8]>,
    /// The certificate profile that is asked for.
    pub profile: Option<&'a str>,
    /// The certificate that the new one replaces.
    pub replaces: Option<&'a CertId>,
    /// The run may still go to another CA: a checkpoint that is binding is saved before the certificate is asked for.
    pub may_be_left: bool,
    /// What proves that the names are held.
    pub solver: &'a Solver,
    pub ctx: &'a StepContext,
}

/// How far one order has brought an issuance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    Issued(Issued),
    /// To be saved before it goes on, which it can at once.
    Next(Checkpoint),
    /// Nothing is to be done before then; what is reached is saved.
    Later {
        until: Timestamp,
        checkpoint: Checkpoint,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// PEM, leaf first, as the CA delivered it.
    pub chain_pem: String,
    /// The order at the CA, for those that have one.
    pub order_url: Option<Url>,
}

/// What an issuance has left behind.
#[derive(Clone, Copy)]
pub struct Withdrawal<'a> {
    pub left: &'a Receipt,
    /// Who has placed it.
    pub solver: &'a Solver,
    pub ctx: &'a StepContext,
}

/// What a rehearsal has to know of a CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// By which names CAA records allow it (RFC 8555 §9.7.6).
    pub caa_identities: Vec<String>,
    /// The names of the profiles that may be asked for.
    pub profiles: Vec<String>,
    /// Where it asks for http-01 responses.
    pub http01_port: u16,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            caa_identities: Vec::new(),
            profiles: Vec::new(),
            http01_port: 80,
        }
    }
}

impl Meta {
    /// As evidence.
    pub fn shown(&self, ca: &CaRef) -> String {
        match self.caa_identities.as_slice() {
            [] => format!("GET {ca} → 200; it does not say its name in CAA records"),
            all => format!("GET {ca} → 200; in CAA records it is {}", all.join(" or ")),
        }
    }
}

/// What a rehearsal at the CA has shown.
#[derive(Debug, Default)]
pub struct Rehearsed {
    pub checks: Vec<Check>,
    /// Why it has come no further.
    pub ended_by: Option<Ended>,
    /// To be saved before the rehearsal can go on: nothing else was done.
    pub needs: Option<Checkpoint>,
}

/// What ended a rehearsal early.
#[derive(Debug)]
pub struct Ended {
    /// What was being looked at, as the title of a check.
    pub at: &'static str,
    pub error: CaError,
}

/// One certificate authority, whatever its kind. Every method may be called again for the same order, by another process too.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Brings an issuance on from where it was saved, by one effect that cannot be undone at most: one checkpoint is one order
    /// at the CA and one certificate, however often it is gone on with.
    async fn advance(&self, for_: &Application<'_>, from: Option<&Checkpoint>) -> Result<Advanced, CaError>;

    /// Removes what an issuance has left that is over; what is not there is removed.
    async fn withdraw(&self, what: &Withdrawal<'_>) -> Result<(), Remaining>;

    /// What the CA says about itself; nothing is begun there.
    async fn look(&self, for_: &Application<'_>) -> Result<Meta, CaError>;

    /// Everything up to the certificate, taken back at the end.
    async fn rehearse(&self, for_: &Application<'_>) -> Rehearsed;

    /// When the CA wants a certificate renewed, for those that say so (RFC 9773).
    async fn renewal_info(&self, _ca: &CaRef, _certificate: &CertId) -> RenewalInfoAnswer {
        RenewalInfoAnswer::NotOffered
    }
}

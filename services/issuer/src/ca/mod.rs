//! The seam of certificate authorities: what the handlers ask of any CA, and what may come back.
//!
//! In: an [`Application`]. Out: an order, a chain, or an error that names its remedy. Never: a word of one CA's
//! protocol beyond this file; its body translates.

pub mod acme;
pub mod problem;

use std::future::Future;

use bus::StepContext;
use custody::CustodyError;
use domain::ari::CertId;
use domain::ca::CaRef;
use domain::run::Check;
use domain::secret::Envelope;
use domain::{DnsName, RunId, Timestamp, WorkspaceId};
use url::Url;

pub use problem::{Concern, NameProblem, Problem, ProblemKind};

/// Who applies at which CA for which names, and where it is written down.
#[derive(Clone, Copy)]
pub struct Application<'a> {
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub directory: &'a Url,
    pub names: &'a [DnsName],
    pub profile: Option<&'a str>,
    /// The certificate that the new one replaces.
    pub replaces: Option<&'a CertId>,
    pub ctx: &'a StepContext,
}

/// An order at the CA as it is checkpointed: none of its tokens has been presented. They are empty also where they could not
/// be read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedOrder {
    pub url: Url,
    pub expires: Option<Timestamp>,
    pub tokens: Vec<String>,
}

/// The order that shall become a certificate for this CSR.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub order_url: &'a Url,
    /// Those that are saved; no other is presented.
    pub tokens: &'a [String],
    pub csr_der: &'a [u8],
    /// Otherwise every name is proven, and no certificate asked for.
    pub finalize: bool,
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
    pub fn shown(&self, directory: &Url) -> String {
        match self.caa_identities.as_slice() {
            [] => format!("GET {directory} → 200; it does not say its name in CAA records"),
            all => format!("GET {directory} → 200; in CAA records it is {}", all.join(" or ")),
        }
    }
}

/// What a rehearsal at the CA has shown, and what ended it early.
#[derive(Debug)]
pub struct Rehearsed {
    pub checks: Vec<Check>,
    pub ended_by: Option<CaError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obtained {
    /// PEM, leaf first, as the CA delivered it.
    Chain(String),
    /// The certificate may be asked for: the claim was not to do that.
    Ready,
    /// What the order is to be proven with is known now, and must be saved before it is presented.
    Tokens(Vec<String>),
}

pub trait CertificateAuthority: Send + Sync + 'static {
    /// A new sealed account key; nothing happens at the CA.
    fn make_account_key(&self, for_: &Application<'_>) -> impl Future<Output = Result<Envelope, CaError>> + Send;

    /// Opens an order, and registers the account if the CA does not know it. An order that is opened twice does no
    /// harm: the CA forgets what is never finalized.
    fn open_order(
        &self,
        for_: &Application<'_>,
        account_key: &Envelope,
    ) -> impl Future<Output = Result<OpenedOrder, CaError>> + Send;

    /// Brings the order on from whatever state it is in, as far as the claim says. May be repeated, at the end too: one order is one
    /// certificate.
    fn ensure_issued(
        &self,
        for_: &Application<'_>,
        account_key: &Envelope,
        claim: &Claim<'_>,
    ) -> impl Future<Output = Result<Obtained, CaError>> + Send;

    /// The challenge responses of an order that has its certificate, or has failed, are removed; gives the tokens of those that
    /// could not be.
    fn withdraw(&self, for_: &Application<'_>, tokens: &[String]) -> impl Future<Output = Vec<String>> + Send;

    /// What the CA says about itself; nothing is begun there.
    fn look(&self, for_: &Application<'_>) -> impl Future<Output = Result<Meta, CaError>> + Send;

    /// Everything up to the certificate, taken back at the end.
    fn rehearse(&self, for_: &Application<'_>, account_key: &Envelope) -> impl Future<Output = Rehearsed> + Send;
}

/// What can be done about it decides the variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// A kind of CA that has no body here.
    #[error("this version cannot ask the CA {ca}")]
    NotServed { ca: CaRef },
    #[error("the CA directory {directory} is not allowed")]
    NotAllowed { directory: Url },
    /// Our own side; `what` names the key.
    #[error("{what}")]
    Misconfigured { what: String },
    /// Nobody goes there by itself: which CA issues is for people to say.
    #[error("the CA's directory has moved: {from} answers {status} and points to {to}")]
    Moved { from: Url, to: Url, status: u16 },
    #[error("rate limited by the CA: {said}")]
    RateLimited { until: Option<Timestamp>, said: String },
    /// It takes no order for some of the names before a person has been at its portal; waiting does not help.
    #[error("the CA has paused names because their checks failed too often in a row: {said}")]
    Paused { portal: Url, said: String },
    #[error("the CA cannot be used now: {what}")]
    Unavailable { until: Option<Timestamp>, what: String },
    /// The CA does not accept this account.
    #[error("the CA does not accept the account: {0}")]
    Denied(Problem),
    /// The CA does not accept what was asked.
    #[error("the CA refused: {0}")]
    Refused(Problem),
    /// The order has its certificate, and the answer to the download was none: it is downloaded again.
    #[error("the CA has issued, and its answer to the download is no certificate chain: {what}")]
    Undelivered { what: String },
    #[error("the CA no longer knows the account")]
    AccountGone,
    #[error("the CA no longer knows the order {url}")]
    OrderGone { url: String },
    /// The order has failed for good; a challenge cannot be tried again in it.
    #[error("the order is invalid: {}", problem::sentence(.names, .order.as_ref()))]
    OrderInvalid {
        names: Vec<NameProblem>,
        order: Option<Problem>,
    },
    /// The same, because the CA reached nobody; and the issuer that should have answered did not live to see it.
    #[error("the CA looked while an issuer was being restarted: {what}")]
    Unattended { what: String },
    #[error("the CA offers no {challenge} challenge for {name}")]
    NoSuchChallenge { name: String, challenge: &'static str },
    #[error("the CA has no profile {asked:?}: {}", offer(.offered))]
    NoSuchProfile { asked: String, offered: Vec<String> },
    #[error("the profile {asked:?} was asked for, and the CA made the order with {}", made_with(.got.as_deref()))]
    OtherProfile { asked: String, got: Option<String> },
    #[error("the challenge response could not be published: {what}")]
    NotPresented { what: String },
    #[error("it could not be told whether another issuer finalizes the order: {what}")]
    NotClaimed { what: String },
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl CaError {
    /// Says which CA it is that does not answer or takes no more: who reads it may have several.
    pub fn of(self, directory: &Url) -> Self {
        match self {
            Self::Unavailable { until, what } => Self::Unavailable {
                until,
                what: format!("{directory}: {what}"),
            },
            Self::RateLimited { until, said } => Self::RateLimited {
                until,
                said: format!("{directory}: {said}"),
            },
            other => other,
        }
    }
}

/// For people: what may be asked for.
pub fn offer(profiles: &[String]) -> String {
    match profiles {
        [] => "it offers none".to_owned(),
        all => format!("it offers {}", all.join(", ")),
    }
}

fn made_with(profile: Option<&str>) -> String {
    profile.map_or_else(|| "none".to_owned(), |name| format!("{name:?}"))
}

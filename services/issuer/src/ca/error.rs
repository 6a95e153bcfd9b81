//! Why a CA has not issued, in words that every kind of CA shares.

use custody::CustodyError;
use domain::Timestamp;
use domain::ca::CaRef;
use url::Url;

use super::problem::{self, NameProblem, Problem};

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
    /// It is not followed automatically: which CA issues is for people to say.
    #[error("the CA's directory has moved: {from} answers {status} and points to {to}")]
    Moved { from: Url, to: Url, status: u16 },
    #[error("rate limited by the CA: {said}")]
    RateLimited { until: Option<Timestamp>, said: String },
    /// It takes no order for some of the names before a person has been at its portal; waiting does
    /// not help.
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
    /// The order has its certificate, and the answer to the download was none: it is downloaded
    /// again.
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
    /// The order is invalid because the CA reached no issuer: the one that should have answered was
    /// restarted.
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
    pub fn of(self, ca: &CaRef) -> Self {
        match self {
            Self::Unavailable { until, what } => Self::Unavailable {
                until,
                what: format!("{ca}: {what}"),
            },
            Self::RateLimited { until, said } => Self::RateLimited {
                until,
                said: format!("{ca}: {said}"),
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

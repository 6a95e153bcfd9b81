//! The only place where what was seen becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

#![deny(clippy::wildcard_enum_match_arm)]

use std::net::SocketAddr;

use bus::StepError;
use domain::backoff::NextTry;
use domain::cause::Cause;
use domain::disposition::{Disposition, Failure};

/// A host that was out of reach so often in a row is asked about: each try has waited for it
/// already.
const UNREACHABLE_PATIENCE: u32 = 2;

/// Nothing is known of the server yet: the way to it comes first.
const NO_CERTIFICATE: &str = "see whether this verifier reaches the address (a firewall between, the host's port and \
                              addresses), then whether the server listens there; then resume";

/// What was seen, and at which addresses of which host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    pub host: String,
    pub what: String,
    pub at: Vec<SocketAddr>,
}

impl Trouble {
    pub fn new(host: &str, what: impl Into<String>, at: Vec<SocketAddr>) -> Self {
        Self {
            host: host.to_owned(),
            what: what.into(),
            at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("{0}")]
    Malformed(String),
    /// Something else is served, at least at one address.
    #[error("{} does not serve the new certificate: {}", .0.host, .0.what)]
    OtherServed(Trouble),
    /// Something answers, and shows no certificate.
    #[error("{} shows no certificate: {}", .0.host, .0.what)]
    Unreachable(Trouble),
    /// Nothing answers, or not every time.
    #[error("{} does not answer in every look: {}", .0.host, .0.what)]
    Unanswered(Trouble),
    /// There is no way from this verifier.
    #[error("what {} serves cannot be seen from this verifier: {}", .0.host, .0.what)]
    Unseen(Trouble),
    /// Several certificates are served by turns.
    #[error("{} serves different certificates by turns: {}", .0.host, .0.what)]
    Mixed(Trouble),
    #[error("{host} does not resolve: {why}")]
    NoAddress { host: String, why: String },
    /// The new certificate is served, but not as it should be.
    #[error("{} serves the new certificate, but: {}", .0.host, .0.what)]
    Faulty(Trouble),
    /// What was put back is not what is served.
    #[error("{} does not serve again what it served before: {}", .0.host, .0.what)]
    NotBack(Trouble),
}

/// `shared/codes` explains each code.
#[expect(clippy::too_many_lines, reason = "one arm for each error of a look")]
pub fn judge(error: VerifyError, at: NextTry) -> StepError {
    let what = error.to_string();
    let cause = match error {
        VerifyError::Malformed(_) => Cause::Fleet,
        VerifyError::OtherServed(_)
        | VerifyError::Unreachable(_)
        | VerifyError::Unanswered(_)
        | VerifyError::Unseen(_)
        | VerifyError::Mixed(_)
        | VerifyError::NoAddress { .. }
        | VerifyError::Faulty(_)
        | VerifyError::NotBack(_) => Cause::Target,
    };
    let disposition = match error {
        VerifyError::Malformed(_) => Disposition::Fail(Failure::new(
            "VER-0001",
            what,
            "start a new run; if it happens again, report it",
        )),
        VerifyError::OtherServed(trouble) => {
            let hint = "see whether that server reads the files that were deployed and has reloaded, and whether \
                        something else answers at that address; then resume";
            ask(Failure::new("VER-0002", what, hint).seen_at(trouble.at))
        }
        VerifyError::Unreachable(trouble) => {
            again_or_ask(Failure::new("VER-0003", what, NO_CERTIFICATE).seen_at(trouble.at), at)
        }
        VerifyError::Unanswered(trouble) => {
            let failure = Failure::new("VER-0003", what, NO_CERTIFICATE).seen_at(trouble.at);
            again_or_ask(failure.keep_installed(), at)
        }
        VerifyError::Unseen(trouble) => {
            let hint = "give the verifier a way there (a route, IPv6, its allowed_networks), or take the address out of \
                        the host's addresses or its DNS records when no client reaches it either; then resume";
            again_or_ask(
                Failure::new("VER-0008", what, hint)
                    .seen_at(trouble.at)
                    .keep_installed(),
                at,
            )
        }
        VerifyError::Mixed(trouble) => {
            let hint = "one of the servers behind that address has another certificate: bring the new one to each of them \
                        (name each as a target, or look at what the load balancer holds), then resume; what is installed \
                        stays";
            ask(Failure::new("VER-0007", what, hint)
                .seen_at(trouble.at)
                .keep_installed())
        }
        VerifyError::NoAddress { .. } => {
            let hint = "correct the DNS records, or give the host addresses to dial; then resume";
            again_or_ask(Failure::new("VER-0004", what, hint).keep_installed(), at)
        }
        VerifyError::Faulty(trouble) => {
            let hint = "see which file the server reads: it must send the whole chain as it was deployed; then resume";
            ask(Failure::new("VER-0005", what, hint).seen_at(trouble.at))
        }
        VerifyError::NotBack(trouble) => {
            let hint = "the former files are in place: see whether that server reads them and has reloaded; then resume, \
                        which installs the new certificate again";
            ask(Failure::new("VER-0006", what, hint).seen_at(trouble.at))
        }
    };
    StepError::from(disposition).because(cause)
}

fn ask(failure: Failure) -> Disposition {
    Disposition::NeedsHuman(failure.ask())
}

fn again_or_ask(failure: Failure, at: NextTry) -> Disposition {
    if at.failures >= UNREACHABLE_PATIENCE {
        ask(failure)
    } else {
        Disposition::RetryAt(at.soon(), failure)
    }
}

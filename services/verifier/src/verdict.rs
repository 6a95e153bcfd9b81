//! The only place where what was seen becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

use std::net::SocketAddr;

use bus::StepError;
use domain::backoff::NextTry;
use domain::disposition::{Disposition, Failure};

/// A host that was out of reach so often in a row is asked about: each try has waited for it already.
const UNREACHABLE_PATIENCE: u32 = 2;

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
    #[error("{} cannot be reached: {}", .0.host, .0.what)]
    Unreachable(Trouble),
    #[error("{host} does not resolve: {why}")]
    NoAddress { host: String, why: String },
    /// The new certificate is served, but not as it should be.
    #[error("{} serves the new certificate, but: {}", .0.host, .0.what)]
    Faulty(Trouble),
    /// What was put back is not what is served.
    #[error("{} does not serve again what it served before: {}", .0.host, .0.what)]
    NotBack(Trouble),
}

/// `ERRORS.md` explains each code.
pub fn judge(error: VerifyError, at: NextTry) -> StepError {
    let what = error.to_string();
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
            let hint = "see whether the server runs, whether the host's port and addresses are right, and whether a \
                        firewall lets the verifier through; then resume";
            again_or_ask(Failure::new("VER-0003", what, hint).seen_at(trouble.at), at)
        }
        VerifyError::NoAddress { .. } => {
            let hint = "correct the DNS records, or give the host addresses to dial; then resume";
            again_or_ask(Failure::new("VER-0004", what, hint), at)
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
    disposition.into()
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

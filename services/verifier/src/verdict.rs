//! The only place where what was seen becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

use bus::StepError;
use domain::backoff::NextTry;
use domain::disposition::{Disposition, Failure};

/// A host that was out of reach so often in a row is asked about: each try has waited for it already.
const UNREACHABLE_PATIENCE: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("{0}")]
    Malformed(String),
    /// Something else is served, at least at one address.
    #[error("{host} does not serve the new certificate: {instead}")]
    OtherServed { host: String, instead: String },
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} does not resolve: {why}")]
    NoAddress { host: String, why: String },
    /// The new certificate is served, but not as it should be.
    #[error("{host} serves the new certificate, but: {crosses}")]
    Faulty { host: String, crosses: String },
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
        VerifyError::OtherServed { .. } => ask(
            "VER-0002",
            what,
            "see whether that server reads the files that were deployed and has reloaded, and whether something else \
             answers at that address; then resume",
        ),
        VerifyError::Unreachable { .. } => {
            let hint = "see whether the server runs, whether the host's port and addresses are right, and whether a \
                        firewall lets the verifier through; then resume";
            again_or_ask(Failure::new("VER-0003", what, hint), at)
        }
        VerifyError::NoAddress { .. } => {
            let hint = "correct the DNS records, or give the host addresses to dial; then resume";
            again_or_ask(Failure::new("VER-0004", what, hint), at)
        }
        VerifyError::Faulty { .. } => ask(
            "VER-0005",
            what,
            "see which file the server reads: it must send the whole chain as it was deployed; then resume",
        ),
    };
    disposition.into()
}

fn ask(code: &str, what: String, hint: &str) -> Disposition {
    Disposition::NeedsHuman(Failure::new(code, what, hint).ask())
}

fn again_or_ask(failure: Failure, at: NextTry) -> Disposition {
    if at.failures >= UNREACHABLE_PATIENCE {
        Disposition::NeedsHuman(failure.ask())
    } else {
        Disposition::RetryAt(at.soon(), failure)
    }
}

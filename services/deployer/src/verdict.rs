//! The only place where an error of a deployment becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

use bus::StepError;
use domain::backoff::NextTry;
use domain::disposition::{Disposition, Failure};

use crate::certificate::NotInstallable;
use crate::keys::KeyError;
use crate::targets::TargetError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    #[error(transparent)]
    Order(#[from] NotInstallable),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// `ERRORS.md` explains each code.
pub fn judge(error: DeployError, at: NextTry) -> StepError {
    let what = error.to_string();
    let ask = |code, what: String, hint: &str| Disposition::NeedsHuman(Failure::new(code, what, hint).ask());
    let again = |code, what: String, hint: &str| Disposition::RetryAt(at.later(), Failure::new(code, what, hint));
    let disposition = match error {
        DeployError::Order(NotInstallable::Malformed(_)) => Disposition::Fail(Failure::new(
            "DEP-0001",
            what,
            "start a new run; if it happens again, report it",
        )),
        DeployError::Order(NotInstallable::Expired { .. }) => Disposition::Fail(Failure::new(
            "DEP-0012",
            what,
            "nothing was touched; start a new run, which gets a new certificate",
        )),
        DeployError::Order(NotInstallable::Mismatched { .. }) => Disposition::Fail(Failure::new(
            "DEP-0002",
            what,
            "nothing was touched; start a new run, which makes a new key and certificate",
        )),
        DeployError::Key(KeyError::Denied { .. }) => ask(
            "DEP-0003",
            what,
            "see the key-signer's log for this run: the key must be sealed for this workspace",
        ),
        DeployError::Key(KeyError::Unavailable { .. }) => Disposition::WaitUntil(
            at.soon(),
            Failure::new(
                "DEP-0004",
                what,
                "see whether the key-signer is running and reaches its key-encryption key",
            ),
        ),
        DeployError::Target(TargetError::Misconfigured { remedy, .. }) => ask("DEP-0005", what, &remedy),
        DeployError::Target(TargetError::Denied { remedy, .. }) => ask("DEP-0006", what, &remedy),
        DeployError::Target(TargetError::HookFailed { output, .. }) => again(
            "DEP-0007",
            format!("{what}; the deployment hook's own output: {}", said(&output)),
            "the files are in place; mend what the hook complains about, then resume: the hook is run again",
        ),
        DeployError::Target(TargetError::HookHung { seconds, output, .. }) => again(
            "DEP-0008",
            format!(
                "{what} (its timeout) and was killed; the deployment hook's own output: {}",
                said(&output)
            ),
            &format!(
                "the files are in place; see why the command takes longer than {seconds} s, or raise \
                 reload.timeout_seconds, then resume: the hook is run again"
            ),
        ),
        DeployError::Target(TargetError::Lost { .. }) => ask(
            "DEP-0010",
            what,
            "put the former certificate and key back by hand if they are kept elsewhere, or resolve the run with a \
             certificate that works",
        ),
        DeployError::Target(TargetError::Changed { .. }) => ask(
            "DEP-0011",
            what,
            "if that certificate is the right one, cancel the run; if not, remove it and resume: what was there before \
             the run is put back",
        ),
        DeployError::Target(TargetError::Unavailable { .. }) => again(
            "DEP-0009",
            what,
            "see whether the disk is full or failing; files are replaced whole or not at all",
        ),
    };
    disposition.into()
}

fn said(output: &str) -> &str {
    if output.is_empty() {
        "(it printed nothing)"
    } else {
        output
    }
}

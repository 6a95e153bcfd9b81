//! The only place where an error of a deployment becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

use std::time::Duration;

use bus::StepError;
use domain::Timestamp;
use domain::backoff::wait_after;
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

/// What a verdict needs beside the error.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub now: Timestamp,
    pub failures: u32,
    /// In `0.0..1.0`.
    pub jitter: f64,
}

impl Circumstances {
    fn next_try(self) -> Timestamp {
        let wait: Duration = wait_after(self.failures, self.jitter);
        self.now.plus(wait)
    }
}

/// `ERRORS.md` explains each code.
pub fn judge(error: DeployError, at: Circumstances) -> StepError {
    let what = error.to_string();
    let ask = |code, what: String, hint: &str| Disposition::NeedsHuman(Failure::new(code, what, hint).ask());
    let again = |code, hint: &str| Disposition::RetryAt(at.next_try(), Failure::new(code, what.clone(), hint));
    let disposition = match error {
        DeployError::Order(NotInstallable::Malformed(_)) => Disposition::Fail(Failure::new(
            "DEP-0001",
            what,
            "start a new run; if it happens again, report it",
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
        DeployError::Key(KeyError::Unavailable { .. }) => again(
            "DEP-0004",
            "see whether the key-signer is running and reaches its key-encryption key",
        ),
        DeployError::Target(TargetError::Misconfigured { remedy, .. }) => ask("DEP-0005", what, &remedy),
        DeployError::Target(TargetError::Denied { remedy, .. }) => ask("DEP-0006", what, &remedy),
        DeployError::Target(TargetError::HookFailed { output, .. }) => ask(
            "DEP-0007",
            format!("{what}; the deployment hook's own output: {}", said(&output)),
            "the new files are in place; mend what the hook complains about, then resume: the hook is run again",
        ),
        DeployError::Target(TargetError::HookHung { seconds, output, .. }) => ask(
            "DEP-0008",
            format!(
                "{what} (its timeout) and was killed; the deployment hook's own output: {}",
                said(&output)
            ),
            &format!(
                "the new files are in place; see why the command takes longer than {seconds} s, or raise \
                 reload.timeout_seconds, then resume: the hook is run again"
            ),
        ),
        DeployError::Target(TargetError::Unavailable { .. }) => again(
            "DEP-0009",
            "see whether the disk is full or failing; what was served before is still in place",
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

//! The only place where an error of a deployment becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

#![deny(clippy::wildcard_enum_match_arm)]

use std::fmt;

use bus::StepError;
use domain::backoff::NextTry;
use domain::cause::Cause;
use domain::disposition::{Disposition, Failure, FurtherAnswer};
use domain::run::{Left, Receipt};

use crate::certificate::NotInstallable;
use crate::keys::KeyError;
use crate::targets::TargetError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    #[error(transparent)]
    Order(#[from] NotInstallable),
    /// Of no use any more, and in place since an earlier try whose activation never ended well.
    #[error("{expired}")]
    ExpiredInPlace { expired: NotInstallable, stays: Stays },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The server's own test said no before anything was touched.
    #[error("{hook}")]
    Before { hook: TargetError },
    /// The program could not be started; what was there before is there again.
    #[error("{hook}")]
    NotStarted { hook: TargetError },
    /// What was there before is there again, and the server has taken it.
    #[error("{hook}")]
    Refused { hook: TargetError },
    /// What was there before is there again, and the server refuses that too.
    #[error("{hook}")]
    BrokenBefore { hook: TargetError, former: TargetError },
    /// What was there before is there again, and whether the server has taken it is not known.
    #[error("{hook}")]
    Unclear { hook: TargetError, former: TargetError },
    /// Refused, and in place since before the run.
    #[error("{hook}")]
    WasThereBefore { hook: TargetError },
    /// Refused, and still in place.
    #[error("{hook}")]
    Stays {
        hook: TargetError,
        why: TargetError,
        stays: Stays,
    },
    /// In place, and whether the server has taken it is not known.
    #[error("{hook}")]
    Unproven { hook: TargetError, stays: Stays },
    /// By a rollback.
    #[error("{hook}")]
    FormerRefused { hook: TargetError },
}

/// A new pair that is in place although the try came to no good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    pub receipt: Receipt,
    /// Its files, in words.
    pub files: String,
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.receipt.installed, self.files)?;
        if self.receipt.backups.is_empty() {
            return f.write_str("; this run has kept nothing that could be put back");
        }
        write!(
            f,
            "; what was there before is kept as {}",
            self.receipt.backups.join(" and ")
        )
    }
}

impl DeployError {
    /// The server did not take its configuration: perhaps because of the pair of another order.
    pub const fn blames_the_server(&self) -> bool {
        match self {
            Self::Before { hook } => matches!(hook, TargetError::HookFailed { .. }),
            Self::Refused { .. } | Self::BrokenBefore { .. } | Self::FormerRefused { .. } => true,
            Self::Order(_)
            | Self::ExpiredInPlace { .. }
            | Self::Key(_)
            | Self::Target(_)
            | Self::NotStarted { .. }
            | Self::Unclear { .. }
            | Self::WasThereBefore { .. }
            | Self::Stays { .. }
            | Self::Unproven { .. } => false,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            // The order, or who opens the key that came with it.
            Self::Order(_) | Self::Key(_) => Cause::Fleet,
            Self::Target(TargetError::Misconfigured { .. } | TargetError::NotAllowed { .. })
            | Self::NotStarted {
                hook: TargetError::Misconfigured { .. },
            } => Cause::Policy,
            Self::ExpiredInPlace { .. }
            | Self::Target(_)
            | Self::NotStarted { .. }
            | Self::Refused { .. }
            | Self::BrokenBefore { .. }
            | Self::Unclear { .. }
            | Self::Before { .. }
            | Self::WasThereBefore { .. }
            | Self::FormerRefused { .. }
            | Self::Stays { .. }
            | Self::Unproven { .. } => Cause::Target,
        }
    }

    /// What is at the target now, where the error says it.
    fn left(&self) -> Option<Left> {
        match self {
            Self::Stays { stays, .. } | Self::Unproven { stays, .. } => Some(Left::New {
                receipt: stays.receipt.clone(),
            }),
            Self::NotStarted { .. } | Self::Refused { .. } | Self::BrokenBefore { .. } | Self::Unclear { .. } => {
                Some(Left::Former)
            }
            Self::Order(_)
            | Self::ExpiredInPlace { .. }
            | Self::Key(_)
            | Self::Target(_)
            | Self::Before { .. }
            | Self::WasThereBefore { .. }
            | Self::FormerRefused { .. } => None,
        }
    }
}

/// `shared/codes` explains each code.
#[expect(clippy::too_many_lines, reason = "one arm for each error of a target")]
pub fn judge(error: DeployError, at: NextTry) -> StepError {
    let (what, left, cause) = (error.to_string(), error.left(), error.cause());
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
        DeployError::ExpiredInPlace { stays, .. } => Disposition::Fail(Failure::new(
            "DEP-0012",
            format!("{what}; it is in place already, and there it stays: {stays}"),
            "see what the server serves now, and start a new run, which replaces the expired pair; a server that is started \
             again before that serves the expired one",
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
        DeployError::Key(KeyError::Unavailable { .. }) => Disposition::RetryAt(
            at.soon(),
            Failure::new(
                "DEP-0004",
                what,
                "see whether the key-signer is running and reaches its key-encryption key",
            ),
        ),
        DeployError::Target(TargetError::Misconfigured { remedy, .. }) => ask("DEP-0005", what, &remedy),
        DeployError::Target(TargetError::NotAllowed { remedy, .. }) => ask("DEP-0013", what, &remedy),
        DeployError::Target(TargetError::Denied { remedy, .. }) => ask("DEP-0006", what, &remedy),
        DeployError::Target(TargetError::Taken { remedy, .. }) => ask("DEP-0020", what, &remedy),
        DeployError::Refused { hook } => again(
            "DEP-0007",
            format!(
                "{}; the server refused the new pair: what was there before is in place again, and the server has taken it",
                told(&hook)
            ),
            "nothing has changed on the server; see why it cannot use the new pair (its type of key, the owner and mode of \
             the files, its configuration), then resume: the pair is installed and tried again",
        ),
        DeployError::Unclear { hook, former } => again(
            "DEP-0007",
            format!(
                "{}; what was there before is in place again, and whether the server has taken it is not known: {}",
                told(&hook),
                told(&former)
            ),
            "see whether the server runs, and why it cannot use the new pair, then resume: it is installed and tried again",
        ),
        DeployError::BrokenBefore { hook, former } => again(
            "DEP-0014",
            format!(
                "{}; what was there before was put back, and the server refuses that too: {}. It was broken before this run, \
                 and the new pair is not to blame",
                told(&hook),
                told(&former)
            ),
            "mend the server's configuration until it can be activated, then resume",
        ),
        DeployError::Before {
            hook: hook @ TargetError::HookHung { .. },
        } => again(
            "DEP-0008",
            format!("{}; nothing was touched", told(&hook)),
            "see why the server's test takes so long, then resume",
        ),
        DeployError::Before { hook } => again(
            "DEP-0014",
            format!(
                "{}; nothing was touched: the server does not take its own configuration as it was before this run",
                told(&hook)
            ),
            "mend the server's configuration until its test ends with 0, then resume",
        ),
        DeployError::FormerRefused { hook } | DeployError::Target(hook @ TargetError::HookFailed { .. }) => again(
            "DEP-0014",
            format!(
                "{}; what was there before the run is in place again, and the server refuses it: something else is broken",
                told(&hook)
            ),
            "mend the server's configuration until it can be activated, then resume: it is activated again",
        ),
        DeployError::WasThereBefore { hook } => again(
            "DEP-0014",
            format!(
                "{}; the new pair was in place before this run, which has kept nothing that could be put back",
                told(&hook)
            ),
            "see why the server cannot use it, or put another pair there, then resume",
        ),
        DeployError::Stays { hook, why, stays } => ask(
            "DEP-0015",
            format!(
                "{}; the server refused the new pair, and what was there before could not be put back: {why}; still in place: \
                 {stays}",
                told(&hook)
            ),
            "put the former certificate and key back by hand, chain and key together, before the server is started again; \
             then resume, or cancel",
        ),
        DeployError::NotStarted { hook } => match hook {
            TargetError::Misconfigured { what, remedy } => ask(
                "DEP-0005",
                format!("{what}; what was there before is in place again"),
                &remedy,
            ),
            hook @ (TargetError::NotAllowed { .. }
            | TargetError::Taken { .. }
            | TargetError::Denied { .. }
            | TargetError::Lost { .. }
            | TargetError::Changed { .. }
            | TargetError::Unavailable { .. }
            | TargetError::HookFailed { .. }
            | TargetError::HookHung { .. }) => again("DEP-0009", told(&hook), "see the machine"),
        },
        DeployError::Target(hook @ TargetError::HookHung { .. }) => again(
            "DEP-0008",
            told(&hook),
            "see why the command takes so long, then resume: it is run again",
        ),
        DeployError::Unproven {
            hook: hook @ TargetError::HookHung { .. },
            stays,
        } => again(
            "DEP-0008",
            format!(
                "{}; a timeout is no refusal, so the new pair is still in place, and whether the server has it is not known: \
                 {stays}",
                told(&hook)
            ),
            "see why the command takes so long, then resume: it is run again; activate_timeout_seconds in the policy's target is \
             how long it may take. A run that is cancelled puts back what was there before",
        ),
        DeployError::Unproven { hook, stays } => again(
            "DEP-0009",
            format!(
                "{}; the new pair is in place, and its server was not told of it: {stays}",
                told(&hook)
            ),
            "see the machine: too many processes, or no memory; the activation is run again",
        ),
        DeployError::Target(TargetError::Lost { .. }) => ask_what_is_there(
            "DEP-0010",
            what,
            "put the former certificate and key back by hand if they are kept elsewhere, then resume. If a good certificate is \
             installed already: vigilo resolve RUN --already-installed --chain FILE; to take what the host serves: vigilo resolve \
             RUN --served",
        ),
        DeployError::Target(TargetError::Changed { .. }) => ask_what_is_there(
            "DEP-0011",
            what,
            "if that certificate is the right one, cancel the run, or end it with what the host serves: vigilo resolve RUN \
             --served; if not, remove it and resume: what was there before the run is put back",
        ),
        DeployError::Target(TargetError::Unavailable { .. }) => again(
            "DEP-0009",
            what,
            "see whether the disk is full or failing; files are replaced whole or not at all",
        ),
    };
    StepError {
        left,
        ..StepError::from(disposition).because(cause)
    }
}

/// A person may know that what is in place is as it should be.
fn ask_what_is_there(code: &str, what: String, hint: &str) -> Disposition {
    let question = Failure::new(code, what, hint).ask();
    Disposition::NeedsHuman(question.offering(&[FurtherAnswer::AlreadyInstalled, FurtherAnswer::TakeServed]))
}

/// What the command came to, with its own words.
fn told(hook: &TargetError) -> String {
    let output = match hook {
        TargetError::HookFailed { output, .. } => output,
        TargetError::HookHung { output, .. } => {
            return format!(
                "{hook} (its timeout) and was killed; the activation's own output: {}",
                said(output)
            );
        }
        TargetError::Misconfigured { .. }
        | TargetError::NotAllowed { .. }
        | TargetError::Taken { .. }
        | TargetError::Denied { .. }
        | TargetError::Lost { .. }
        | TargetError::Changed { .. }
        | TargetError::Unavailable { .. } => return hook.to_string(),
    };
    format!("{hook}; the activation's own output: {}", said(output))
}

fn said(output: &str) -> &str {
    if output.is_empty() {
        "(it printed nothing)"
    } else {
        output
    }
}

//! The only place where an error of the issuer becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

use std::time::Duration;

use bus::StepError;
use custody::CustodyError;
use domain::Timestamp;
use domain::backoff::NextTry;
use domain::disposition::{Disposition, Failure};

use crate::ca::{CaError, Concern, NameProblem, Problem, ProblemKind};
use crate::certificate::{BadCsr, Foreign};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    #[error(transparent)]
    Csr(#[from] BadCsr),
    /// The policy's challenge is not one of this version.
    #[error("the challenge {0} is not served by this version")]
    Challenge(&'static str),
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error("{0}")]
    Foreign(#[from] Foreign),
    #[error("the http-01 responses could not be removed: {0}")]
    NotRemoved(String),
}

const BUSY: &str = "see the CA's status page; the run goes on by itself";
const NEW_ORDER: &str = "nothing to do: a new order is placed";

/// Not in the past, and not beyond the longest limit that a CA has (Let's Encrypt: 168 h) with a day to spare: a lying
/// CA parks no run for years.
pub fn within_reason(at: Timestamp, now: Timestamp) -> Timestamp {
    at.clamp(now, now.plus(LONGEST_WAIT))
}

const LONGEST_WAIT: Duration = Duration::from_secs(8 * 24 * 3600);

/// `ERRORS.md` explains each code.
pub fn judge(error: IssueError, at: NextTry) -> StepError {
    let what = error.to_string();
    match error {
        IssueError::Csr(_) => fail("ISS-0015", what, "start a new run; if it happens again, report it"),
        IssueError::Challenge(_) => fail("ISS-0013", what, "set the policy's challenge to http-01"),
        IssueError::Ca(error) => judge_ca(error, what, at),
        IssueError::Foreign(_) => afresh(ask(
            "ISS-0012",
            what,
            "nothing was deployed; ask the CA why, then resume: a new order is placed",
        )),
        IssueError::NotRemoved(_) => wait(
            "ISS-0014",
            what,
            "see whether NATS is up; they expire by themselves",
            at.soon(),
        ),
    }
}

fn judge_ca(error: CaError, what: String, at: NextTry) -> StepError {
    match error {
        CaError::NotAllowed { directory } => fail(
            "ISS-0001",
            what,
            format!(
                "add {directory} to issuer.directories in the issuer's configuration, or choose another CA in the policy"
            ),
        ),
        CaError::Misconfigured { .. } => ask(
            "ISS-0002",
            what,
            "mend the issuer's configuration as it says, restart it, then resume",
        ),
        CaError::Custody(CustodyError::Unavailable { .. }) => wait(
            "ISS-0003",
            what,
            "see whether the key-signer is running and reaches its key-encryption key",
            at.soon(),
        ),
        CaError::Custody(CustodyError::Denied { .. }) => ask(
            "ISS-0004",
            what,
            "see the key-signer's log for this run: the ACME account key must be sealed for this workspace",
        ),
        // It named its time: nothing has failed, it is busy.
        CaError::Unavailable { until: Some(until), .. } => {
            let until = within_reason(until, at.now);
            elsewhere(wait("ISS-0005", format!("{what}; next try at {until}"), BUSY, until))
        }
        CaError::Unavailable { until: None, .. } => elsewhere(again("ISS-0005", what, BUSY, at.later())),
        CaError::RateLimited { until, .. } => limited(&what, until, at),
        CaError::Paused { portal, .. } => ask(
            "ISS-0018",
            what,
            format!(
                "mend why the checks of these names failed, have the account unpaused at {portal} (the CA's own page), then \
                 resume"
            ),
        ),
        CaError::OrderInvalid { names, order } => afresh(invalid(&names, order.as_ref(), what, at)),
        // Once more before a person is asked: who is asked again and again is down for another reason.
        CaError::Unattended { .. } => afresh(again("ISS-0005", what, NEW_ORDER, at.later())),
        CaError::Refused(problem) => refused(&problem, what),
        CaError::Denied(problem) => ask("ISS-0010", what, account_hint(&problem.kind)),
        CaError::AccountGone => again(
            "ISS-0011",
            what,
            "nothing to do: the same account key is registered again",
            at.soon(),
        ),
        // However long the CA was away before it forgot: it is back, and there is nothing to wait for.
        CaError::OrderGone { .. } => afresh(again("ISS-0011", what, NEW_ORDER, NextTry { failures: 0, ..at }.soon())),
        CaError::NoSuchChallenge { .. } => fail(
            "ISS-0013",
            what,
            "take the name out of the policy, or use a challenge that the CA offers for it (a wildcard needs dns-01)",
        ),
        CaError::NoSuchProfile { .. } => fail("ISS-0017", what, OTHER_PROFILE),
        // The order is forgotten, and the CA forgets it too.
        CaError::OtherProfile { .. } => afresh(fail("ISS-0017", what, OTHER_PROFILE)),
        CaError::NotPresented { .. } | CaError::NotClaimed { .. } => {
            wait("ISS-0014", what, "see whether NATS is up", at.soon())
        }
    }
}

/// What the CA said within reason, else the ladder.
fn limited(what: &str, said: Option<Timestamp>, at: NextTry) -> StepError {
    let until = said.map_or(at.later(), |said| within_reason(said, at.now));
    elsewhere(wait(
        "ISS-0006",
        format!("{what}; next try at {until}"),
        "nothing to do: the run waits as long as the CA asks",
        until,
    ))
}

/// A challenge cannot be tried again in the same order: a new one is placed after Resume.
fn invalid(names: &[NameProblem], order: Option<&Problem>, what: String, at: NextTry) -> StepError {
    let of_order = order.map_or(&[][..], |problem| &problem.of_names);
    let named = if names.is_empty() { of_order } else { names };
    let first = named.iter().min_by_key(|one| one.problem.concern());
    let whole = order.map(|problem| ("the names", problem));
    // Without any reason the order has expired.
    let Some((name, problem)) = first.map(|one| (one.name.as_str(), &one.problem)).or(whole) else {
        return again("ISS-0005", what, NEW_ORDER, at.later());
    };
    match problem.concern() {
        // The CA's own trouble: nobody can do better than try again.
        Concern::Passing | Concern::ForgottenAccount => again("ISS-0005", what, NEW_ORDER, at.later()),
        Concern::Limit => limited(&what, None, at),
        Concern::Name => fail("ISS-0008", what, NOT_FOR_THE_NAME),
        Concern::Key => fail("ISS-0009", what, OTHER_KEY),
        Concern::Proof | Concern::Account | Concern::Request => {
            ask("ISS-0007", what, challenge_hint(&problem.kind, name))
        }
    }
}

const NOT_FOR_THE_NAME: &str = "this CA does not issue for the name; take it out of the policy or choose another CA";
const OTHER_KEY: &str = "choose a key algorithm that the CA accepts, for example P-256";

const OTHER_PROFILE: &str = "set the policy's profile to one that the CA lists, or leave it out; then start a new run";

fn refused(problem: &Problem, what: String) -> StepError {
    match problem.concern() {
        Concern::Request if problem.kind == ProblemKind::InvalidProfile => fail("ISS-0017", what, OTHER_PROFILE),
        Concern::Name => fail("ISS-0008", what, NOT_FOR_THE_NAME),
        Concern::Key => fail("ISS-0009", what, OTHER_KEY),
        // Looked at again when the order is finalized: that order is of no use any more.
        Concern::Proof => {
            let first = problem.of_names.iter().min_by_key(|one| one.problem.concern());
            let (kind, name) = first.map_or((&problem.kind, "the names"), |one| {
                (&one.problem.kind, one.name.as_str())
            });
            afresh(ask("ISS-0007", what, challenge_hint(kind, name)))
        }
        Concern::Account => ask("ISS-0010", what, account_hint(&problem.kind)),
        Concern::Request | Concern::ForgottenAccount | Concern::Limit | Concern::Passing => ask(
            "ISS-0016",
            what,
            "see the raw exchange of this run, mend what the CA complains about, then resume",
        ),
    }
}

fn challenge_hint(kind: &ProblemKind, name: &str) -> String {
    let what = match kind {
        ProblemKind::Connection => format!(
            "the CA could not reach port 80 of {name}: see that the name resolves, that the port is open to the internet, \
             and that it leads to an issuer (http01_listen)"
        ),
        ProblemKind::Unauthorized | ProblemKind::IncorrectResponse => format!(
            "something else than an issuer answered for http://{name}/.well-known/acme-challenge/: let that path lead to an issuer"
        ),
        ProblemKind::Dns => format!(
            "the CA could not resolve {name}: see that it has A or AAAA records and that its name servers answer"
        ),
        ProblemKind::Caa => format!("the CAA records of {name} forbid this CA: add one for it, or choose another CA"),
        ProblemKind::Tls => format!(
            "http://{name} redirects to an https that does not work: let /.well-known/acme-challenge/ be served without"
        ),
        _ => format!("mend what the CA says about {name}"),
    };
    format!("{what}; then resume: a new order is placed")
}

fn account_hint(kind: &ProblemKind) -> &'static str {
    match kind {
        ProblemKind::ExternalAccountRequired => {
            "this CA wants an external account binding, which this version has not; choose another CA"
        }
        ProblemKind::InvalidContact | ProblemKind::UnsupportedContact => {
            "correct issuer.directories.contact, restart the issuer, then resume"
        }
        ProblemKind::UserActionRequired => "do what the CA asks for (often: agree to its new terms), then resume",
        ProblemKind::BadSignatureAlgorithm => {
            "this CA does not take ES256 signatures, which every ACME CA must (RFC 8555 §6.2); choose another CA"
        }
        _ => "the account may have been deactivated at the CA: ask it, then resume",
    }
}

fn fail(code: &str, what: String, hint: impl Into<String>) -> StepError {
    Disposition::Fail(Failure::new(code, what, hint)).into()
}

fn ask(code: &str, what: String, hint: impl Into<String>) -> StepError {
    Disposition::NeedsHuman(Failure::new(code, what, hint).ask()).into()
}

fn again(code: &str, what: String, hint: &str, until: Timestamp) -> StepError {
    Disposition::RetryAt(until, Failure::new(code, what, hint)).into()
}

/// Nobody can mend it, and it passes.
fn wait(code: &str, what: String, hint: &str, until: Timestamp) -> StepError {
    Disposition::WaitUntil(until, Failure::new(code, what, hint)).into()
}

/// Another CA could issue meanwhile.
fn elsewhere(error: StepError) -> StepError {
    StepError {
        elsewhere: true,
        ..error
    }
}

fn afresh(error: StepError) -> StepError {
    StepError {
        forget_checkpoint: true,
        ..error
    }
}

#[cfg(test)]
mod tests;

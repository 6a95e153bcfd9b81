//! The only place where an error of the issuer becomes what the ledger shall do.
//!
//! In: an error and what the order says about earlier failures. Out: a disposition. Never: I/O.

#![deny(clippy::wildcard_enum_match_arm)]

use bus::StepError;
use custody::CustodyError;
use domain::Timestamp;
use domain::asked_wait;
use domain::backoff::NextTry;
use domain::cause::{Cause, OfCa};
use domain::disposition::{Disposition, Failure, FurtherAnswer};
use domain::keys::KeyAlgorithm;
use domain::limit::boulder::limit_of;
use url::Url;

use crate::ca::{CaError, Concern, NameProblem, Problem, ProblemKind};
use crate::certificate::{BadCsr, Foreign, key_of};
use crate::config;

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

/// What a verdict needs beside the error.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub at: NextTry,
    /// The algorithm of the key that the certificate is asked for with, when it is known.
    pub key: Option<KeyAlgorithm>,
}

impl Circumstances {
    #[must_use]
    pub fn with_csr(self, csr_pem: Option<&str>) -> Self {
        let key = key_of(csr_pem);
        Self { key, ..self }
    }
}

const BUSY: &str = "see the CA's status page; the run goes on by itself";
const NEW_ORDER: &str = "nothing to do: a new order is placed";

/// `shared/codes` explains each code.
pub fn judge(error: IssueError, circumstances: Circumstances) -> StepError {
    let (what, at) = (error.to_string(), circumstances.at);
    match error {
        IssueError::Csr(_) => {
            fail("ISS-0015", what, "start a new run; if it happens again, report it").because(Cause::Fleet)
        }
        IssueError::Challenge(_) => {
            fail("ISS-0013", what, "set the policy's challenge to http-01").because(Cause::Policy)
        }
        IssueError::Ca(error) => judge_ca(error, what, circumstances),
        IssueError::Foreign(Foreign::NoChain(_)) => refused_for(again("ISS-0019", what, DOWNLOAD, at.later())),
        IssueError::Foreign(foreign) => {
            if foreign.is_wrong_certificate() {
                let hint = "nothing was deployed; ask the CA why, then resume: a new order is placed";
                refused_for(afresh(ask("ISS-0012", what, hint)))
            } else {
                let hint =
                    "nothing was deployed; ask the CA why, then resume: the same certificate is downloaded again";
                refused_for(ask("ISS-0012", what, hint))
            }
        }
        IssueError::NotRemoved(_) => again(
            "ISS-0014",
            what,
            "see whether NATS is up; they expire by themselves",
            at.soon(),
        )
        .because(Cause::Fleet),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each error of a CA")]
fn judge_ca(error: CaError, what: String, circumstances: Circumstances) -> StepError {
    let at = circumstances.at;
    match error {
        CaError::NotAllowed { directory } => {
            fail("ISS-0001", what, not_allowed(&directory)).because(Cause::Policy)
        }
        CaError::NotServed { .. } => {
            fail("ISS-0020", what, "choose another provider in the policy; vigilo provider list shows which are served")
                .because(Cause::Policy)
        }
        CaError::Moved { to, .. } => ask("ISS-0002", what, moved(&to)).because(Cause::Ca(OfCa::Moved)),
        CaError::Undelivered { .. } => refused_for(again("ISS-0019", what, DOWNLOAD, at.later())),
        CaError::Misconfigured { .. } => ask(
            "ISS-0002",
            what,
            "mend the issuer's configuration as it says, restart it, then resume",
        )
        .because(Cause::Policy),
        CaError::Custody(CustodyError::Unavailable { .. }) => again(
            "ISS-0003",
            what,
            "see whether the key-signer is running and reaches its key-encryption key",
            at.soon(),
        )
        .because(Cause::Fleet),
        CaError::Custody(CustodyError::Denied { .. }) => ask(
            "ISS-0004",
            what,
            "see the key-signer's log for this run: the ACME account key must be sealed for this workspace",
        )
        .because(Cause::Policy),
        // It named its time: nothing has failed, it is busy.
        CaError::Unavailable { until: Some(until), .. } => {
            let until = asked_wait::kept(until, at);
            let what = format!("{what}; next try at {until}");
            again("ISS-0005", what, BUSY, until).because(Cause::Ca(OfCa::Down { busy: true }))
        }
        CaError::Unavailable { until: None, .. } => {
            again("ISS-0005", what, BUSY, at.later()).because(Cause::Ca(OfCa::Down { busy: false }))
        }
        CaError::RateLimited { until, .. } => limited(&what, until, at),
        CaError::Paused { portal, .. } => ask(
            "ISS-0018",
            what,
            format!(
                "mend why the checks of these names failed, have the account unpaused at {portal} (the CA's own page), then \
                 resume"
            ),
        )
        .because(Cause::Ca(OfCa::Refused)),
        CaError::OrderInvalid { names, order } => afresh(invalid(&names, order.as_ref(), what, circumstances)),
        // Once more before a person is asked: who is asked again and again is down for another
        // reason.
        CaError::Unattended { .. } => afresh(lost(what, at)),
        CaError::Refused(problem) => refused(&problem, what, circumstances.key),
        // Waiting does not help this account, and another CA has another one.
        CaError::Denied(problem) => {
            account_question(what, &problem.kind).because(Cause::Ca(OfCa::AccountRefused))
        }
        CaError::AccountGone => refused_for(again(
            "ISS-0011",
            what,
            "nothing to do: the same account key is registered again",
            at.soon(),
        )),
        // However long the CA was away before it forgot: it is back, and there is nothing to wait
        // for.
        CaError::OrderGone { .. } => {
            let at = NextTry { failures: 0, ..at };
            refused_for(afresh(again("ISS-0011", what, NEW_ORDER, at.soon())))
        }
        CaError::NoSuchChallenge { .. } => fail(
            "ISS-0013",
            what,
            "take the name out of the policy, or use a challenge that the CA offers for it (a wildcard needs dns-01)",
        )
        .because(Cause::Policy),
        CaError::NoSuchProfile { .. } => fail("ISS-0017", what, OTHER_PROFILE).because(Cause::Policy),
        // The order is forgotten, and the CA forgets it too.
        CaError::OtherProfile { .. } => {
            afresh(fail("ISS-0017", what, OTHER_PROFILE)).because(Cause::Policy)
        }
        CaError::NotPresented { .. } | CaError::NotClaimed { .. } => {
            again("ISS-0014", what, "see whether NATS is up", at.soon()).because(Cause::Fleet)
        }
    }
}

/// What the CA said, within the one rule for its waits; else the ladder.
fn limited(what: &str, said: Option<Timestamp>, at: NextTry) -> StepError {
    let until = said.map_or(at.later(), |said| asked_wait::kept(said, at));
    let (scope, of) = limit_of(what);
    again(
        "ISS-0006",
        format!("{what}; next try at {until}"),
        "nothing to do: the run waits as long as the CA asks",
        until,
    )
    .because(Cause::Ca(OfCa::Limited { scope, of }))
}

/// A challenge cannot be tried again in the same order: a new one is placed after Resume.
fn invalid(
    names: &[NameProblem],
    order: Option<&Problem>,
    what: String,
    Circumstances { at, key }: Circumstances,
) -> StepError {
    let of_order = order.map_or(&[][..], |problem| &problem.of_names);
    let named = if names.is_empty() { of_order } else { names };
    let first = named.iter().min_by_key(|one| one.problem.concern());
    let whole = order.map(|problem| ("the names", problem));
    // Without any reason the order has expired.
    let Some((name, problem)) = first.map(|one| (one.name.as_str(), &one.problem)).or(whole) else {
        return lost(what, at);
    };
    match problem.concern() {
        // The CA's own trouble: all that can be done is to try again.
        Concern::Passing | Concern::ForgottenAccount => lost(what, at),
        Concern::Limit => limited(&what, None, at),
        Concern::Name => refused_for(fail("ISS-0008", what, NOT_FOR_THE_NAME)),
        Concern::Key => refused_for(fail("ISS-0009", what, other_key(key))),
        Concern::Proof | Concern::Account | Concern::Request => {
            ask("ISS-0007", what, challenge_hint(&problem.kind, name)).because(not_proven(named))
        }
    }
}

const NOT_FOR_THE_NAME: &str = "this CA does not issue for the name; take it out of the policy or choose another CA";
const DOWNLOAD: &str = "nothing to do at first: the same certificate is downloaded again, and no other is asked for; if it goes on, ask the CA";

/// Never the one that was refused.
fn other_key(refused: Option<KeyAlgorithm>) -> String {
    let others: Vec<&str> = KeyAlgorithm::ALL
        .into_iter()
        .filter(|one| Some(*one) != refused)
        .map(KeyAlgorithm::as_str)
        .collect();
    let named = refused.map_or_else(String::new, |key| format!(" of the algorithm {}", key.as_str()));
    format!(
        "this CA does not take a key or CSR{named}: set the policy's key_algorithm to one that it takes ({}), or choose \
         another CA; then start a new run",
        others.join(", ")
    )
}

/// With the line to add, where the issuer would take it.
fn not_allowed(directory: &Url) -> String {
    let other = "or choose another CA in the policy";
    if config::is_usable(directory) {
        let line = config::line_of_directory(directory);
        format!(
            "list it in issuer.directories of the issuer's configuration, as a block [[directories]] with this line, and \
             restart it: {line} ; {other}"
        )
    } else {
        format!("a CA is asked by https only: correct the directory's URL in the provider, {other}")
    }
}

/// A run keeps its CA, and people say which one that is.
fn moved(to: &Url) -> String {
    let how = "set the provider's directory_url to it, cancel this run and start a new one";
    if config::is_usable(to) {
        let line = config::line_of_directory(to);
        format!(
            "if that is the CA's own word, add a block [[directories]] with this line to the issuer's configuration, restart \
             it, {how}: {line}"
        )
    } else {
        format!("ask the CA where its directory is now (this is no https URL), {how}")
    }
}

const OTHER_PROFILE: &str = "set the policy's profile to one that the CA lists, or leave it out; then start a new run";

fn refused(problem: &Problem, what: String, key: Option<KeyAlgorithm>) -> StepError {
    match problem.concern() {
        Concern::Request if problem.kind == ProblemKind::InvalidProfile => {
            fail("ISS-0017", what, OTHER_PROFILE).because(Cause::Policy)
        }
        Concern::Name => refused_for(fail("ISS-0008", what, NOT_FOR_THE_NAME)),
        Concern::Key => refused_for(fail("ISS-0009", what, other_key(key))),
        // Looked at again when the order is finalized: that order is of no use any more.
        Concern::Proof => {
            let first = problem.of_names.iter().min_by_key(|one| one.problem.concern());
            let (kind, name) = first.map_or((&problem.kind, "the names"), |one| {
                (&one.problem.kind, one.name.as_str())
            });
            afresh(ask("ISS-0007", what, challenge_hint(kind, name))).because(not_proven(&problem.of_names))
        }
        Concern::Account => account_question(what, &problem.kind).because(Cause::Ca(OfCa::AccountIncomplete)),
        Concern::Request | Concern::ForgottenAccount | Concern::Limit | Concern::Passing => refused_for(ask(
            "ISS-0016",
            what,
            "see the raw exchange of this run, mend what the CA complains about, then resume",
        )),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kinds that need no words of their own share a hint"
)]
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
        ProblemKind::Other(state) if state.starts_with("authorization ") => format!(
            "the CA's own authorization for {name} is over before anything was asked of it: it makes another one for the next \
             order, or its operators know why it does not"
        ),
        ProblemKind::Tls => format!(
            "http://{name} redirects to an https that does not work: let /.well-known/acme-challenge/ be served without"
        ),
        _ => format!("mend what the CA says about {name}"),
    };
    format!("{what}; then resume: a new order is placed")
}

/// What the account is refused for, with a new one as an answer where that helps.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kinds that need no words of their own share a hint"
)]
fn account_question(what: String, kind: &ProblemKind) -> StepError {
    let hint = match kind {
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
        _ => return account_gone(what),
    };
    ask("ISS-0010", what, hint)
}

fn account_gone(what: String) -> StepError {
    let hint = "the account may have been deactivated at the CA; where the CA takes it again: resume; else begin a new one there: \
             vigilo resume RUN --new-account (the old key is kept, and every run of this account goes on with the new one)";
    let question = Failure::new("ISS-0010", what, hint).ask();
    Disposition::NeedsHuman(question.offering(&[FurtherAnswer::NewAccount])).into()
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

/// The CA does not do what it was asked.
fn refused_for(error: StepError) -> StepError {
    error.because(Cause::Ca(OfCa::Refused))
}

/// The order came to nothing, for a reason of the CA's own.
fn lost(what: String, at: NextTry) -> StepError {
    again("ISS-0005", what, NEW_ORDER, at.later()).because(Cause::Ca(OfCa::OrderLost))
}

fn not_proven(named: &[NameProblem]) -> Cause {
    let names = named.iter().map(|one| one.name.clone()).collect();
    Cause::Ca(OfCa::NotProven { names })
}

fn afresh(error: StepError) -> StepError {
    StepError {
        forget_checkpoint: true,
        ..error
    }
}

#[cfg(test)]
mod tests;

//! How an outcome travels: as the domain writes it, and beside it what versions before the cause
//! read instead.
//!
//! In: outcomes. Out: JSON that an earlier planner can decide by, and outcomes of earlier workers
//! with the cause that their fields meant. Never: another place that reads a code or a CA's words.

use domain::cause::{Cause, OfCa};
use domain::disposition::{Failure, Question};
use domain::limit::boulder::limit_of;
use domain::run::Outcome;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(flatten)]
    old: Old,
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(flatten)]
    old: Old,
}

/// What reports said in place of a cause, beside the code and the words of the failure.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Old {
    /// No person could fix it: a limit of the other side, or our own fleet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    patient: bool,
    /// The CA is down, out of quota, or wants nothing of the account: another could issue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    elsewhere: bool,
}

impl Old {
    fn of(outcome: &Outcome) -> Self {
        let says = |told: fn(&Cause) -> bool| outcome.cause().is_some_and(told);
        match outcome {
            Outcome::Retry { .. } | Outcome::Stuck { .. } => Self {
                patient: says(Cause::passes_by_itself) && matches!(outcome, Outcome::Retry { .. }),
                elsewhere: says(Cause::is_of_this_ca_alone),
            },
            Outcome::Done { .. } | Outcome::Resting { .. } | Outcome::Failed { .. } => Self::default(),
        }
    }

    /// What a report meant that says no cause; nothing: it was none by which anything was decided.
    fn cause(self, code: &str, what: &str) -> Option<Cause> {
        let of_ca = match code {
            "ISS-0002" if self.elsewhere => OfCa::Moved,
            "ISS-0005" if !self.elsewhere => OfCa::OrderLost,
            "ISS-0006" => {
                let (scope, of) = limit_of(what);
                OfCa::Limited { scope, of }
            }
            "ISS-0007" => OfCa::NotProven { names: Vec::new() },
            "ISS-0010" if self.elsewhere => OfCa::AccountRefused,
            "ISS-0010" => OfCa::AccountIncomplete,
            _ if self.elsewhere => OfCa::Down { busy: self.patient },
            _ if self.patient => return Some(Cause::Fleet),
            _ => return None,
        };
        Some(Cause::Ca(of_ca))
    }

    fn told(self, failure: &mut Failure) {
        if failure.cause.is_none() {
            failure.cause = self.cause(failure.code.as_str(), &failure.what);
        }
    }

    fn asked(self, question: &mut Question) {
        if question.cause.is_none() {
            question.cause = self.cause(question.code.as_str(), &question.what);
        }
    }
}

pub(crate) fn serialize<S: Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
    let old = Old::of(outcome);
    Written { outcome, old }.serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
    let Read { mut outcome, old } = Read::deserialize(from)?;
    match &mut outcome {
        Outcome::Retry { failure, .. } | Outcome::Failed { failure } => old.told(failure),
        Outcome::Stuck { question, .. } => old.asked(question),
        Outcome::Done { .. } | Outcome::Resting { .. } => {}
    }
    Ok(outcome)
}

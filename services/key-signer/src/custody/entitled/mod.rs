//! Which secret an order of the planner entitles its worker to.
//!
//! In: a question, and the order that it shows. Out: the run that the envelope must be bound to, or why it stays closed. Never: a
//! word of the asker about its order. A worker that was broken into has the orders that it was given, and no others: it opens
//! what they carry while they last.

use std::sync::Arc;
use std::time::Duration;

use ::custody::envelope;
use bus::Signer;
use bus::signing::Trusted;
use domain::secret::{Envelope, Purpose};
use domain::{RunId, Timestamp};
use protocol::custody::{CustodyAnswer, OpenRequest, ShownOrder};
use protocol::direct_reply::Current;
use protocol::order::Order;
use protocol::subjects::{self, Worker};
use serde::Deserialize;

/// The clocks of planner, worker and key-signer differ a little, and a question may wait for its answer.
const GRACE: Duration = Duration::from_secs(60);

pub(super) struct Entitlements {
    trusted: Arc<Trusted>,
    accept_without_order: bool,
}

/// Why an envelope stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Asking again with this order does not help.
    Never(String),
    /// A newer worker, a newer order or another key of the configuration heals it.
    NotNow(String),
}

impl From<Refusal> for CustodyAnswer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Never(reason) => Self::Denied { reason },
            Refusal::NotNow(reason) => Self::Unavailable { reason },
        }
    }
}

/// The sealed keys of the orders that carry some.
#[derive(Deserialize)]
struct Sealed {
    #[serde(default)]
    account_key: Option<Envelope>,
    #[serde(default)]
    certificate: Option<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    sealed_key: Option<Envelope>,
}

impl Sealed {
    /// By the field, and not by where else in an order it is: what workers have reported stands there too.
    fn of(&self, purpose: Purpose) -> Option<&Envelope> {
        match purpose {
            Purpose::LeafKey => self.certificate.as_ref()?.sealed_key.as_ref(),
            Purpose::AcmeAccount => self.account_key.as_ref(),
            Purpose::Credential => None,
        }
    }
}

fn in_time(order: &Order<Sealed>, now: Timestamp) -> Result<(), Refusal> {
    let (run, over) = (order.run_id, order.deadline);
    if over.plus(GRACE) < now {
        return Err(Refusal::NotNow(format!(
            "the order of run {run} was to be carried out until {over}"
        )));
    }
    Ok(())
}

/// Whether the order gives its worker this envelope, which may be bound to a run.
fn entitles(order: &Order<Sealed>, asker: Worker, question: &OpenRequest, bound: Option<RunId>) -> Result<(), Refusal> {
    let run = order.run_id;
    let never = |problem: String| Err(Refusal::Never(format!("the order of run {run} {problem}")));
    if Worker::of(order.step.kind()) != asker {
        return never(format!("is not for the {asker}"));
    }
    if order.workspace != question.workspace {
        return never("belongs to another workspace".to_owned());
    }
    if question.run_id.is_some_and(|asked| asked != run) {
        return never("is not of the run that the question names".to_owned());
    }
    if bound.is_some_and(|bound| bound != run) {
        return never("carries a key that was made for another run".to_owned());
    }
    if order.spec.of(question.purpose) != Some(&question.envelope) {
        return never(format!("does not carry this {}", question.purpose.as_str()));
    }
    Ok(())
}

impl Entitlements {
    pub(super) const fn new(trusted: Arc<Trusted>, accept_without_order: bool) -> Self {
        Self {
            trusted,
            accept_without_order,
        }
    }

    /// The run that the envelope is bound to, if it is bound to one, and the asker has an order of that run with it.
    pub(super) fn check(
        &self,
        asker: Worker,
        question: &OpenRequest,
        now: Timestamp,
    ) -> Result<Option<RunId>, Refusal> {
        let bound =
            envelope::run_of(&question.envelope).map_err(|error| Refusal::Never(format!("the envelope: {error}")))?;
        match question.purpose {
            // It stands in the configuration of who asks for it, and belongs to no run.
            Purpose::Credential => return Ok(bound),
            Purpose::LeafKey | Purpose::AcmeAccount => {}
        }
        match (&question.order, bound) {
            (Some(shown), _) => {
                let order = self.believed(shown)?;
                in_time(&order, now)?;
                entitles(&order, asker, question, bound).map(|()| bound)
            }
            (None, None) if self.accept_without_order => Ok(None),
            (None, _) => Err(Refusal::NotNow(format!(
                "the {asker} shows no order of the planner with its question; run a version of the {asker} that does, or set \
                 accept_without_order of the key-signer until it is upgraded (it opens no key that is bound to a run)"
            ))),
        }
    }

    /// What the planner has signed, as an order or as a direct reply. For whom it is tells its step.
    fn believed(&self, shown: &ShownOrder) -> Result<Order<Sealed>, Refusal> {
        let subject = shown.subject.as_str();
        let payload = shown.payload.as_bytes();
        let checked = self
            .trusted
            .check(Signer::Planner, Some(&shown.signature), subject, payload);
        checked.map_err(|why| Refusal::NotNow(format!("the order that is shown: {why}")))?;
        let none = || Refusal::Never("what is shown is no order with a sealed key".to_owned());
        let text = shown.payload.as_str();
        if shown.subject.starts_with(subjects::INBOX) {
            return match serde_json::from_str(text) {
                Ok(Current::Order { order }) => Ok(*order),
                Ok(Current::Elsewhere | Current::Unknown { .. }) | Err(_) => Err(none()),
            };
        }
        serde_json::from_str(text).map_err(|_| none())
    }
}

#[cfg(test)]
mod tests;

//! What is known of every kind of message before anything is done with it: whose word it must be, and where it belongs.
//!
//! In: a message. Out: its value, or the reason why it goes to the dead letters. Never: a message that came by another subject
//! than its body says: rights are given by subject, and a right to one is none to speak for another.

use std::sync::Arc;

use async_nats::Message;
use domain::run::StepKind;
use domain::text::without_nul;
use protocol::custody::ShownOrder;
use protocol::event::RunEvent;
use protocol::log::LogBatch;
use protocol::order::Order;
use protocol::probe::{ProbeAsk, ProbeSeen};
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold};
use protocol::report::Report;
use protocol::subjects::Worker;
use protocol::{SCHEMA, subjects};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connection::Bus;
use crate::signing::{self, Signer, Trusted};

pub trait Mail: DeserializeOwned {
    /// Who must have signed it.
    const SIGNER: Option<Signer>;
    /// Whether it repeats what hosts, CAs and proxies said: U+0000, which no database keeps, is replaced in it. In what people and
    /// systems ask for it is refused by name.
    const QUOTES_OTHERS: bool = false;

    /// The subject that its body belongs to.
    fn address(&self) -> Option<String>;
}

impl<S: DeserializeOwned> Mail for Order<S> {
    const SIGNER: Option<Signer> = Some(Signer::Planner);

    fn address(&self) -> Option<String> {
        Some(subjects::order(self.step.kind()))
    }
}

impl Mail for ProbeAsk {
    const SIGNER: Option<Signer> = Some(Signer::Planner);

    fn address(&self) -> Option<String> {
        Some(subjects::probe_ask(&self.workspace))
    }
}

impl Mail for RenewalInfoAsk {
    const SIGNER: Option<Signer> = Some(Signer::Planner);

    fn address(&self) -> Option<String> {
        Some(subjects::renewal_info_ask(&self.workspace))
    }
}

impl Mail for Report {
    const SIGNER: Option<Signer> = None;
    const QUOTES_OTHERS: bool = true;

    fn address(&self) -> Option<String> {
        Some(subjects::report(self.step.kind()))
    }
}

impl Mail for ProbeSeen {
    const SIGNER: Option<Signer> = None;
    const QUOTES_OTHERS: bool = true;

    fn address(&self) -> Option<String> {
        Some(subjects::probe_seen(&self.workspace))
    }
}

impl Mail for RenewalInfoTold {
    const SIGNER: Option<Signer> = None;
    const QUOTES_OTHERS: bool = true;

    fn address(&self) -> Option<String> {
        Some(subjects::renewal_info_told(&self.workspace))
    }
}

impl Mail for RunEvent {
    const SIGNER: Option<Signer> = None;
    const QUOTES_OTHERS: bool = true;

    fn address(&self) -> Option<String> {
        Some(subjects::run(&self.workspace, self.run_id, self.status))
    }
}

impl Mail for LogBatch {
    const SIGNER: Option<Signer> = None;
    const QUOTES_OTHERS: bool = true;

    fn address(&self) -> Option<String> {
        Some(subjects::log(
            &self.workspace,
            self.run_id,
            Worker::of(self.step.kind()),
        ))
    }
}

/// What other systems and people ask for: its subject alone says what it is.
impl Mail for Value {
    const SIGNER: Option<Signer> = None;

    fn address(&self) -> Option<String> {
        None
    }
}

impl Bus {
    /// A message of our schema, by who may say it, where it may be said; or the reason why not.
    pub(crate) fn read<T: Mail>(&self, message: &Message) -> Result<T, String> {
        if let Some(signer) = T::SIGNER {
            self.is_signed(message, signer)?;
        }
        let value: T = if T::QUOTES_OTHERS {
            parsed(message, &without_nul(&message.payload))?
        } else {
            parse(message)?
        };
        match value.address() {
            Some(address) if address != message.subject.as_str() => Err(format!(
                "BUS-0004: its body belongs to {address}, and it came by {}",
                message.subject
            )),
            Some(_) | None => Ok(value),
        }
    }

    /// Whose signatures are believed here.
    pub fn trusted(&self) -> Arc<Trusted> {
        Arc::clone(&self.keys.trusted)
    }

    pub(crate) fn is_signed(&self, message: &Message, by: Signer) -> Result<(), String> {
        let header = signature(message);
        let checked = self
            .keys
            .trusted
            .check(by, header, message.subject.as_str(), &message.payload);
        checked.map_err(|why| why.to_string())
    }
}

fn signature(message: &Message) -> Option<&str> {
    let headers = message.headers.as_ref()?;
    headers.get(signing::HEADER).map(async_nats::HeaderValue::as_str)
}

/// An order to be shown to others as it came.
pub(crate) fn shown(message: &Message) -> Option<Arc<ShownOrder>> {
    Some(Arc::new(ShownOrder {
        subject: message.subject.to_string(),
        signature: signature(message)?.to_owned(),
        payload: std::str::from_utf8(&message.payload).ok()?.to_owned(),
    }))
}

/// The step that an order of this subject is for.
pub(crate) fn step_of(subject: &str) -> Option<StepKind> {
    StepKind::ALL.into_iter().find(|kind| subjects::order(*kind) == subject)
}

/// A payload of our schema, or the reason why not.
pub(crate) fn parse<T: DeserializeOwned>(message: &Message) -> Result<T, String> {
    parsed(message, &message.payload)
}

fn parsed<T: DeserializeOwned>(message: &Message, payload: &[u8]) -> Result<T, String> {
    let schema = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get("vigilo-schema"));
    if let Some(newer) = schema
        .and_then(|text| text.as_str().parse::<u16>().ok())
        .filter(|found| *found > SCHEMA)
    {
        return Err(format!(
            "schema {newer} is newer than {SCHEMA}, the newest that this version reads"
        ));
    }
    serde_json::from_slice(payload).map_err(|e| format!("the payload does not parse: {e}"))
}

//! Publishing with the stream's own word that it has the message. Publishes are pipelined: all are sent, then all
//! words are awaited.

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures::future::join_all;
use protocol::event::RunEvent;
use protocol::order::{Order, Spec};
use protocol::probe::{ProbeAsk, ProbeSeen};
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold};
use protocol::report::Report;
use protocol::{SCHEMA, subjects};

use crate::connection::{Bus, BusError};
use crate::inbox::REPLY_TO;
use crate::{signing, trace};

/// A message on its way: where to, known by what, saying what.
pub(crate) struct Outgoing {
    pub subject: String,
    pub message_id: Option<String>,
    pub headers: Vec<(&'static str, String)>,
    pub payload: Bytes,
    /// Others act on it: it carries our signature.
    pub signed: bool,
}

impl Bus {
    /// Publishes orders; answers for each whether the stream has it.
    pub async fn publish_orders(&self, orders: &[Order<Spec>]) -> Vec<Result<(), BusError>> {
        let messages = orders.iter().map(|order| {
            let subject = subjects::order(order.step.kind());
            signed(outgoing(subject, order.message_id(), serde_json::to_vec(order)))
        });
        self.publish_all(messages.collect()).await
    }

    /// Publishes run events; answers for each whether the stream has it.
    pub async fn publish_events(&self, events: &[RunEvent]) -> Vec<Result<(), BusError>> {
        let messages = events.iter().map(|event| {
            let subject = subjects::run(&event.workspace, event.run_id, event.status);
            outgoing(subject, event.message_id(), serde_json::to_vec(event))
        });
        self.publish_all(messages.collect()).await
    }

    /// Publishes asks for looks; answers for each whether the stream has it.
    pub async fn publish_probe_asks(&self, asks: &[ProbeAsk]) -> Vec<Result<(), BusError>> {
        let messages = asks.iter().map(|ask| {
            let subject = subjects::probe_ask(&ask.workspace);
            signed(outgoing(subject, ask.message_id(), serde_json::to_vec(ask)))
        });
        self.publish_all(messages.collect()).await
    }

    /// Publishes what a look has seen.
    pub async fn publish_probe_seen(&self, seen: &ProbeSeen) -> Result<(), BusError> {
        let subject = subjects::probe_seen(&seen.workspace);
        self.publish(outgoing(subject, seen.message_id(), serde_json::to_vec(seen))?)
            .await
    }

    /// Publishes questions for CAs; answers for each whether the stream has it.
    pub async fn publish_renewal_info_asks(&self, asks: &[RenewalInfoAsk]) -> Vec<Result<(), BusError>> {
        let messages = asks.iter().map(|ask| {
            let subject = subjects::renewal_info_ask(&ask.workspace);
            signed(outgoing(subject, ask.message_id(), serde_json::to_vec(ask)))
        });
        self.publish_all(messages.collect()).await
    }

    /// Publishes what a CA answered.
    pub async fn publish_renewal_info_told(&self, told: &RenewalInfoTold) -> Result<(), BusError> {
        let subject = subjects::renewal_info_told(&told.workspace);
        self.publish(outgoing(subject, told.message_id(), serde_json::to_vec(told))?)
            .await
    }

    /// `inbox`: where the worker waits for the next order of the same step.
    pub(crate) async fn publish_report(&self, report: &Report, inbox: Option<&str>) -> Result<(), BusError> {
        let subject = subjects::report(report.step.kind());
        let mut message = outgoing(subject, report.message_id(), serde_json::to_vec(report))?;
        message.headers.extend(inbox.map(|inbox| (REPLY_TO, inbox.to_owned())));
        self.publish(message).await
    }

    pub(crate) async fn publish(&self, message: Outgoing) -> Result<(), BusError> {
        let sent = self.heard(self.send(message)).await?;
        self.stored(sent).await
    }

    /// The stream's word that it has the message.
    async fn stored(&self, sent: PublishAckFuture) -> Result<(), BusError> {
        let word = async { sent.await.map(|_| ()).map_err(BusError::unavailable) };
        self.heard(word).await
    }

    async fn publish_all(&self, messages: Vec<Result<Outgoing, BusError>>) -> Vec<Result<(), BusError>> {
        let mut sent = Vec::with_capacity(messages.len());
        for message in messages {
            sent.push(match message {
                Ok(message) => self.heard(self.send(message)).await,
                Err(e) => Err(e),
            });
        }
        // Side by side: a server that is away costs the time of one word, however many there are.
        let words = sent.into_iter().map(async |one| match one {
            Ok(word) => self.stored(word).await,
            Err(e) => Err(e),
        });
        join_all(words).await
    }

    /// Our signature under what others act on.
    fn signature(&self, subject: &str, payload: &[u8]) -> Result<String, BusError> {
        let own = self.keys.own.as_ref();
        let missing = || {
            BusError::Keys(format!(
                "nats.signing_key_file: without a key nothing is said on {subject}"
            ))
        };
        Ok(own.ok_or_else(missing)?.sign(subject, payload))
    }

    /// Says something to one who waits; signed, when we sign at all.
    pub(crate) async fn say(&self, to: &str, payload: Vec<u8>) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.keys.own {
            headers.insert(signing::HEADER, key.sign(to, &payload));
        }
        let said = self
            .client
            .publish_with_headers(to.to_owned(), headers, payload.into())
            .await;
        said.map_err(BusError::unavailable)
    }

    async fn send(&self, message: Outgoing) -> Result<PublishAckFuture, BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("vigilo-schema", SCHEMA.to_string());
        if message.signed {
            headers.insert(signing::HEADER, self.signature(&message.subject, &message.payload)?);
        }
        for (name, value) in message.headers {
            headers.insert(name, value);
        }
        trace::write(&mut headers);
        let mut publish = PublishMessage::build().headers(headers).payload(message.payload);
        if let Some(id) = message.message_id {
            publish = publish.message_id(id);
        }
        self.stream
            .send_publish(message.subject, publish)
            .await
            .map_err(BusError::unavailable)
    }
}

fn signed(message: Result<Outgoing, BusError>) -> Result<Outgoing, BusError> {
    message.map(|message| Outgoing {
        signed: true,
        ..message
    })
}

fn outgoing(subject: String, id: String, payload: serde_json::Result<Vec<u8>>) -> Result<Outgoing, BusError> {
    Ok(Outgoing {
        subject,
        message_id: Some(id),
        headers: Vec::new(),
        payload: payload?.into(),
        signed: false,
    })
}

//! Publishing with the stream's own word that it has the message. Publishes are pipelined: all are sent, then all
//! words are awaited.

use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use protocol::event::RunEvent;
use protocol::order::{Order, Spec};
use protocol::probe::{ProbeAsk, ProbeSeen};
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold};
use protocol::report::Report;
use protocol::{SCHEMA, subjects};

use crate::connection::{Bus, BusError};
use crate::inbox::REPLY_TO;
use crate::trace;

/// A message on its way: where to, known by what, saying what.
pub(crate) struct Outgoing {
    pub subject: String,
    pub message_id: Option<String>,
    pub headers: Vec<(&'static str, String)>,
    pub payload: Bytes,
}

impl Bus {
    /// Publishes orders; answers for each whether the stream has it.
    pub async fn publish_orders(&self, orders: &[Order<Spec>]) -> Vec<Result<(), BusError>> {
        let messages = orders.iter().map(|order| {
            outgoing(
                subjects::order(order.step.kind()),
                order.message_id(),
                serde_json::to_vec(order),
            )
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
            outgoing(
                subjects::probe_ask(&ask.workspace),
                ask.message_id(),
                serde_json::to_vec(ask),
            )
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
            outgoing(subject, ask.message_id(), serde_json::to_vec(ask))
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
        let sent = self.send(message).await?;
        sent.await.map(|_| ()).map_err(BusError::unavailable)
    }

    async fn publish_all(&self, messages: Vec<Result<Outgoing, BusError>>) -> Vec<Result<(), BusError>> {
        let mut sent = Vec::with_capacity(messages.len());
        for message in messages {
            sent.push(match message {
                Ok(message) => self.send(message).await,
                Err(e) => Err(e),
            });
        }
        let mut answers = Vec::with_capacity(sent.len());
        for one in sent {
            answers.push(match one {
                Ok(word) => word.await.map(|_| ()).map_err(BusError::unavailable),
                Err(e) => Err(e),
            });
        }
        answers
    }

    async fn send(&self, message: Outgoing) -> Result<async_nats::jetstream::context::PublishAckFuture, BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("vigilo-schema", SCHEMA.to_string());
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

fn outgoing(subject: String, id: String, payload: serde_json::Result<Vec<u8>>) -> Result<Outgoing, BusError> {
    Ok(Outgoing {
        subject,
        message_id: Some(id),
        headers: Vec::new(),
        payload: payload?.into(),
    })
}

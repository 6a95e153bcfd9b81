//! The dead letters: what cannot be read or was never answered, with the reason, for a person.

use futures::StreamExt;
use protocol::request::Answer;
use protocol::subjects;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use async_nats::jetstream::Message;

use crate::connection::{Bus, BusError};
use crate::inbox::{reply_to, terminate};
use crate::publish::Outgoing;
use crate::topology::StreamName;

/// A message that ran out of deliveries (the server's advisory; it stays in a work queue otherwise).
#[derive(Debug, Deserialize)]
struct Exhausted {
    stream: String,
    consumer: String,
    stream_seq: u64,
    deliveries: u64,
}

impl Bus {
    /// Copies the message to the dead letters, tells a waiting sender, and only then ends it.
    pub(crate) async fn bury(&self, stream: StreamName, message: &Message, reason: &str) {
        warn!(subject = %message.subject, %reason, "a message goes to the dead letters");
        let buried = self
            .publish(letter(
                stream.as_str(),
                &message.subject,
                reason,
                message.payload.clone(),
            ))
            .await;
        if let Err(error) = buried {
            warn!(%error, "the dead letter could not be written; the message comes again");
            return;
        }
        if let Some(sender) = reply_to(message) {
            let remedy = "send JSON as shared/protocol/schema describes it";
            let reason = domain::Invalid::new("payload", reason, remedy);
            self.reply(&message.subject, sender, &Answer::Rejected { reason }).await;
        }
        terminate(message).await;
    }

    /// Buries what ran out of deliveries, until `stop`. One of the planner's replicas does it for all.
    pub async fn bury_exhausted(&self, stop: &CancellationToken) -> Result<(), BusError> {
        let subscribed = self
            .client
            .queue_subscribe(subjects::EXHAUSTED, "planner".to_owned())
            .await;
        let mut advisories = subscribed.map_err(BusError::unavailable)?;
        while let Some(Some(advisory)) = stop.run_until_cancelled(advisories.next()).await {
            match serde_json::from_slice::<Exhausted>(&advisory.payload) {
                Ok(exhausted) => {
                    if let Err(error) = self.bury_one(&exhausted).await {
                        warn!(%error, ?exhausted, "an undeliverable message could not be buried");
                    }
                }
                Err(error) => warn!(%error, "an advisory does not parse"),
            }
        }
        Ok(())
    }

    async fn bury_one(&self, gone: &Exhausted) -> Result<(), BusError> {
        let stream = self
            .stream
            .get_stream_no_info(&gone.stream)
            .await
            .map_err(BusError::unavailable)?;
        let message = stream
            .get_raw_message(gone.stream_seq)
            .await
            .map_err(BusError::unavailable)?;
        let reason = format!(
            "{} did not answer for it in {} deliveries",
            gone.consumer, gone.deliveries
        );
        self.publish(letter(&gone.stream, &message.subject, &reason, message.payload.clone()))
            .await?;
        stream
            .delete_message(gone.stream_seq)
            .await
            .map(|_| ())
            .map_err(BusError::unavailable)
    }
}

fn letter(stream: &str, subject: &str, reason: &str, payload: bytes::Bytes) -> Outgoing {
    // A header is one line: whatever the reason quotes must not break it.
    let reason: String = reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(1_000)
        .collect();
    Outgoing {
        subject: subjects::dead(stream),
        message_id: None,
        headers: vec![("vigilo-reason", reason), ("vigilo-subject", subject.to_owned())],
        payload,
    }
}

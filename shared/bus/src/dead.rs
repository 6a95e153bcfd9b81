//! The dead letters: what cannot be read or was never answered, with the reason, for a person.

use domain::Invalid;
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
use crate::streams::StreamName;

/// A message that ran out of deliveries (the server's advisory; it stays in a work queue otherwise).
#[derive(Debug, Deserialize)]
struct Exhausted {
    stream: String,
    consumer: String,
    stream_seq: u64,
    deliveries: u64,
}

impl Bus {
    /// For what cannot be read.
    pub(crate) async fn bury(&self, stream: StreamName, message: &Message, reason: &str) {
        let remedy = "send JSON as shared/protocol/schema describes it";
        self.bury_as(stream, message, Invalid::new("payload", reason, remedy))
            .await;
    }

    /// Copies the message to the dead letters, tells a waiting sender, and only then ends it.
    pub(crate) async fn bury_as(&self, stream: StreamName, message: &Message, reason: Invalid) {
        if !self.keep_evidence(stream, message, &reason.problem).await {
            return;
        }
        if let Some(sender) = reply_to(message) {
            self.reply(&message.subject, sender, &Answer::Rejected { reason }).await;
        }
        terminate(message).await;
    }

    /// Copies a message to the dead letters; whether it is there.
    pub(crate) async fn keep_evidence(&self, stream: StreamName, message: &async_nats::Message, reason: &str) -> bool {
        warn!(subject = %message.subject, %reason, "a message goes to the dead letters");
        let letter = letter(stream.as_str(), &message.subject, reason, message.payload.clone());
        let kept = self.publish(letter).await;
        if let Err(error) = &kept {
            warn!(%error, "the dead letter could not be written; the message comes again");
        }
        kept.is_ok()
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

/// What has no better name among the dead letters.
pub(crate) const OTHER: &str = "other";
/// More of a message is not kept: it would push out the evidence of others.
const LONGEST: usize = 64 << 10;
const LONGEST_NAME: usize = 64;

/// By what the letters of a subject are kept apart: the workspace where the subject names one, else the step. `*` stays what it is.
pub(crate) fn of_subject(subject: &str) -> &str {
    let mut tokens = subject.strip_prefix("vigilo.").unwrap_or_default().split('.');
    let of = match tokens.next() {
        Some("request" | "command" | "run" | "log" | "report") => tokens.next(),
        Some("probe" | "renewal-info" | "order") => tokens.nth(1),
        Some(_) | None => None,
    };
    let plain = |of: &&str| {
        let token = of
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        (token && !of.is_empty() && of.len() <= LONGEST_NAME) || *of == "*"
    };
    of.filter(plain).unwrap_or(OTHER)
}

fn letter(stream: &str, subject: &str, reason: &str, payload: bytes::Bytes) -> Outgoing {
    // A header is one line: whatever the reason quotes must not break it.
    let reason: String = reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(1_000)
        .collect();
    let mut headers = vec![("vigilo-reason", reason), ("vigilo-subject", subject.to_owned())];
    if payload.len() > LONGEST {
        headers.push(("vigilo-whole-length", payload.len().to_string()));
    }
    Outgoing {
        subject: subjects::dead(stream, of_subject(subject)),
        message_id: None,
        headers,
        payload: payload.slice(..payload.len().min(LONGEST)),
        signed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_kept_apart_by_workspace_or_step() {
        for (subject, of) in [
            ("vigilo.request.acme.renew", "acme"),
            ("vigilo.command.acme.renew", "acme"),
            ("vigilo.run.acme.019ab3c0.failed", "acme"),
            ("vigilo.probe.seen.acme", "acme"),
            ("vigilo.probe.ask.*", "*"),
            ("vigilo.renewal-info.told.acme", "acme"),
            ("vigilo.order.issuer.issue", "issue"),
            ("vigilo.report.deploy", "deploy"),
            ("vigilo.request.Acme.renew", OTHER),
            ("vigilo.request..renew", OTHER),
            ("_INBOX.issuer.x", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(of_subject(subject), of, "{subject}");
        }
    }

    #[test]
    fn a_long_message_is_kept_by_its_begin_and_its_length() {
        let letter = letter(
            "REQUESTS",
            "vigilo.request.acme.renew",
            "why\nnot",
            vec![b'x'; LONGEST + 1].into(),
        );
        assert_eq!(
            (letter.subject.as_str(), letter.payload.len()),
            ("vigilo.dead.requests.acme", LONGEST)
        );
        assert!(
            letter
                .headers
                .contains(&("vigilo-whole-length", (LONGEST + 1).to_string()))
        );
        assert!(letter.headers.contains(&("vigilo-reason", "why not".to_owned())));
    }
}

//! Core request/reply: the custody questions. No stream, no retry: the asker decides what a silence
//! means.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, RequestErrorKind};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::signing::Signer;

impl Bus {
    /// Asks on a subject and waits at most `within` for the answer, which is believed with the
    /// signature of `of` for the place where we wait, and not otherwise.
    pub async fn ask<Q, A>(&self, subject: &str, question: &Q, of: Signer, within: Duration) -> Result<A, BusError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let message = self.ask_signed(subject, question, of, within).await?;
        Ok(serde_json::from_slice(&message.payload)?)
    }

    /// Asks a question and gives back the signed message itself, not its parsed body.
    pub(crate) async fn ask_signed<Q: Serialize + Sync>(
        &self,
        subject: &str,
        question: &Q,
        of: Signer,
        within: Duration,
    ) -> Result<Message, BusError> {
        let message = self.question(subject, question, within).await?;
        self.is_signed(&message, of).map_err(|why| disbelieved(subject, why))?;
        Ok(message)
    }

    /// Asks a service that does not sign its answers: they are hints, on which no service acts.
    pub async fn ask_for_hint<Q, A>(&self, subject: &str, question: &Q, within: Duration) -> Result<A, BusError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let message = self.question(subject, question, within).await?;
        Ok(serde_json::from_slice(&message.payload)?)
    }

    async fn question<Q: Serialize + Sync>(
        &self,
        subject: &str,
        question: &Q,
        within: Duration,
    ) -> Result<Message, BusError> {
        let payload = serde_json::to_vec(question)?;
        let asked = self.client.request(subject.to_owned(), payload.into());
        let answer = self
            .heard(async { Ok(tokio::time::timeout(within, asked).await) })
            .await?;
        let timeout = || BusError::Timeout {
            subject: subject.to_owned(),
        };
        answer.map_err(|_| timeout())?.map_err(|e| match e.kind() {
            RequestErrorKind::NoResponders => BusError::NoResponders {
                subject: subject.to_owned(),
            },
            RequestErrorKind::TimedOut => timeout(),
            _ => BusError::unavailable(e),
        })
    }

    /// Answers questions on a subject until `stop`; replicas with the same group share them.
    /// `answer` gets the subject that was asked, and the raw question: what does not parse is
    /// answered too.
    pub async fn answer<F, Fut, A>(
        &self,
        subject: &str,
        group: &str,
        stop: &CancellationToken,
        answer: F,
    ) -> Result<(), BusError>
    where
        F: Fn(String, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = A> + Send,
        A: Serialize + Send,
    {
        let subscribed = self.client.queue_subscribe(subject.to_owned(), group.to_owned()).await;
        let mut questions = subscribed.map_err(BusError::unavailable)?;
        let (answer, running) = (Arc::new(answer), TaskTracker::new());
        while let Some(Some(question)) = stop.run_until_cancelled(questions.next()).await {
            let (bus, answer) = (self.clone(), answer.clone());
            running.spawn(async move {
                let Some(reply) = question.reply.clone() else { return };
                let said = answer(question.subject.to_string(), question.payload.to_vec()).await;
                let sent = match serde_json::to_vec(&said) {
                    Ok(payload) => bus.say(&reply, payload).await.map_err(|e| e.to_string()),
                    Err(e) => Err(e.to_string()),
                };
                if let Err(error) = sent {
                    warn!(%error, subject = %question.subject, "an answer could not be sent");
                }
            });
        }
        running.close();
        running.wait().await;
        Ok(())
    }
}

/// Another sender answers in the place of the service that was asked.
fn disbelieved(subject: &str, why: String) -> BusError {
    warn!(subject, why, "an answer is not believed");
    let subject = subject.to_owned();
    BusError::Disbelieved { subject, why }
}

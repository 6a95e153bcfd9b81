//! Core request/reply: the custody questions. No stream, no retry: the asker decides what a silence means.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::RequestErrorKind;
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::connection::{Bus, BusError};

impl Bus {
    /// Asks on a subject and waits at most `within` for the answer.
    pub async fn ask<Q, A>(&self, subject: &str, question: &Q, within: Duration) -> Result<A, BusError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let payload = serde_json::to_vec(question)?;
        let asked = self.client.request(subject.to_owned(), payload.into());
        let answer = tokio::time::timeout(within, asked).await;
        let timeout = || BusError::Timeout {
            subject: subject.to_owned(),
        };
        match answer.map_err(|_| timeout())? {
            Ok(message) => Ok(serde_json::from_slice(&message.payload)?),
            Err(e) if e.kind() == RequestErrorKind::NoResponders => Err(BusError::NoResponders {
                subject: subject.to_owned(),
            }),
            Err(e) if e.kind() == RequestErrorKind::TimedOut => Err(timeout()),
            Err(e) => Err(BusError::unavailable(e)),
        }
    }

    /// Answers questions on a subject until `stop`; replicas with the same group share them. `answer` gets the
    /// subject that was asked, and the raw question: what does not parse is answered too.
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
            let (client, answer) = (self.client.clone(), answer.clone());
            running.spawn(async move {
                let Some(reply) = question.reply.clone() else { return };
                let said = answer(question.subject.to_string(), question.payload.to_vec()).await;
                let sent = match serde_json::to_vec(&said) {
                    Ok(payload) => client.publish(reply, payload.into()).await.map_err(|e| e.to_string()),
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

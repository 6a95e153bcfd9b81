//! A JetStream key-value bucket, by the rights that its user needs and no more.
//!
//! In: keys and values. Out: the same. Touches: one stream `KV_<name>`, which the planner makes (`streams`). Never: a direct
//! read: there the server sends a value as it is to whatever subject the reader names, so that who may write and read could
//! speak on every subject. A read by the API comes wrapped in its answer, which is no message of ours.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use bytes::Bytes;

use crate::connection::{Bus, BusError};
use crate::streams::BucketName;

/// How a bucket says that a key was removed (ADR-8 of NATS).
const OPERATION: &str = "KV-Operation";
const ROLLUP: &str = "Nats-Rollup";

/// How long a key is known to be removed.
const MARKED: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Bucket {
    bus: Bus,
    stream: Stream<()>,
    name: BucketName,
}

impl Bus {
    /// The bucket, once the planner has made it.
    pub(crate) async fn bucket(&self, name: BucketName) -> Result<Bucket, BusError> {
        self.bucket_made(name).await?;
        let stream = self.stream.get_stream_no_info(name.stream()).await;
        Ok(Bucket {
            bus: self.clone(),
            stream: stream.map_err(BusError::unavailable)?,
            name,
        })
    }
}

impl Bucket {
    pub(crate) async fn put(&self, key: &str, value: Bytes) -> Result<(), BusError> {
        self.write(key, HeaderMap::new(), value)
            .await
            .map_err(BusError::unavailable)
    }

    /// Nothing for a key that was never there, or was removed.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let last = self.last(key).await?;
        Ok(last
            .filter(|message| !is_removal(message))
            .map(|message| message.payload))
    }

    /// Writes the key for so long if it is not there; whether it was not.
    pub(crate) async fn create(&self, key: &str, life: Duration) -> Result<bool, BusError> {
        let mut after = 0;
        loop {
            match self.create_after(key, after, life).await {
                Ok(()) => return Ok(true),
                Err(error) if !is_taken(&error) => return Err(BusError::unavailable(error)),
                Err(_) => {}
            }
            // What was removed has left a mark, behind which the key may be written.
            match self.last(key).await? {
                Some(last) if is_removal(&last) && last.sequence > after => after = last.sequence,
                Some(_) => return Ok(false),
                None if after > 0 => after = 0,
                None => return Ok(false),
            }
        }
    }

    async fn create_after(&self, key: &str, after: u64, life: Duration) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string());
        headers.insert(NATS_MESSAGE_TTL, life.as_secs().max(1).to_string());
        self.write(key, headers, Bytes::new()).await
    }

    /// May be called again, and for keys that are gone.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION, "PURGE");
        headers.insert(ROLLUP, "sub");
        // The mark goes too: a night of renewals would fill the bucket with marks.
        headers.insert(NATS_MESSAGE_TTL, MARKED.as_secs().to_string());
        self.write(key, headers, Bytes::new())
            .await
            .map_err(BusError::unavailable)
    }

    async fn write(&self, key: &str, headers: HeaderMap, value: Bytes) -> Result<(), PublishError> {
        let sent = self
            .bus
            .stream
            .publish_with_headers(self.name.subject(key), headers, value)
            .await?;
        sent.await.map(|_| ())
    }

    async fn last(&self, key: &str) -> Result<Option<StreamMessage>, BusError> {
        match self
            .stream
            .get_last_raw_message_by_subject(&self.name.subject(key))
            .await
        {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(BusError::unavailable(error)),
        }
    }
}

fn is_removal(message: &StreamMessage) -> bool {
    let said = message.headers.get(OPERATION).map(|value| value.as_str().to_owned());
    said.is_some_and(|operation| operation == "PURGE" || operation == "DEL")
}

/// Another has written the key since.
fn is_taken(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::WrongLastSequence
}

//! Who asks: the workspaces of which requests or commands wait.
//!
//! In: a stream of them. Out: a reader for each workspace that has none yet. Never: one reader for
//! all: whoever asks without end would stand before everybody else.

use std::collections::BTreeSet;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::ConsumerErrorKind;
use futures::TryStreamExt;

use crate::connection::{Bus, BusError};
use crate::streams::StreamName;
use crate::topology::patiently;

/// The reader of versions that had one for all; no two may read the same message.
const OF_ALL: &str = "planner";

impl Bus {
    /// The second name of every subject of which something lies in the stream.
    pub async fn asking(&self, stream: StreamName) -> Result<BTreeSet<String>, BusError> {
        let opened = self
            .stream
            .get_stream_no_info(stream.as_str())
            .await
            .map_err(BusError::unavailable)?;
        let mut subjects = opened.info_with_subjects(">").await.map_err(BusError::unavailable)?;
        let mut asking = BTreeSet::new();
        while let Some((subject, _)) = subjects.try_next().await.map_err(BusError::unavailable)? {
            asking.extend(subject.split('.').nth(2).map(str::to_owned));
        }
        Ok(asking)
    }

    /// Removes the reader of all, if an earlier version has left it.
    pub async fn part_readers(&self, stream: StreamName) -> Result<(), BusError> {
        patiently(|| self.part_readers_once(stream)).await
    }

    async fn part_readers_once(&self, stream: StreamName) -> Result<(), BusError> {
        match self.stream.delete_consumer_from_stream(OF_ALL, stream.as_str()).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(said) if said.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Ok(()),
                _ => Err(BusError::unavailable(error)),
            },
        }
    }
}

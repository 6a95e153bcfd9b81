//! Following a stream for as long as somebody watches: an ordered consumer of the watcher's own, gone with it.
//!
//! In: which subjects, from where on. Out: their messages in order, none twice, also over a restart of the server. Never: an
//! acknowledgement; nobody else waits for what a watcher does.

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use domain::{RunId, WorkspaceId};
use futures::{Stream, StreamExt};
use protocol::log::LogBatch;
use protocol::subjects;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::inbox::parse;
use crate::topology::StreamName;

impl Bus {
    /// What workers write down for this run, from the oldest line that the stream still has.
    pub async fn follow_log(
        &self,
        workspace: &WorkspaceId,
        run: RunId,
    ) -> Result<impl Stream<Item = LogBatch> + Send + use<>, BusError> {
        let filter = subjects::log(workspace, run);
        self.follow(StreamName::Logs, filter, DeliverPolicy::All).await
    }

    /// What does not parse is passed over: a watcher cannot mend it.
    pub(crate) async fn follow<T: DeserializeOwned + Send>(
        &self,
        stream: StreamName,
        filter: String,
        from: DeliverPolicy,
    ) -> Result<impl Stream<Item = T> + Send + use<T>, BusError> {
        let config = pull::OrderedConfig {
            filter_subject: filter,
            deliver_policy: from,
            ..Default::default()
        };
        let made = self.stream.create_consumer_on_stream(config, stream.as_str()).await;
        let consumer = made.map_err(BusError::unavailable)?;
        let messages = consumer.messages().await.map_err(BusError::unavailable)?;
        Ok(messages.filter_map(async |message| match message {
            Ok(message) => parse::<T>(&message)
                .inspect_err(|why| warn!(%why, subject = %message.subject, "a watcher cannot read a message"))
                .ok(),
            Err(error) => {
                warn!(%error, "a watcher's stream was interrupted");
                None
            }
        }))
    }
}

//! Following a stream for as long as a client watches: an ordered consumer of the watcher's own,
//! gone with it.
//!
//! In: which subjects, from where on. Out: their messages in order, none twice, also over a restart
//! of the server. Never: an acknowledgement; no other reader waits for a watcher.

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use domain::{RunId, Timestamp, WorkspaceId};
use futures::{Stream, StreamExt};
use protocol::event::RunEvent;
use protocol::log::LogBatch;
use protocol::subjects;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::mail::Mail;
use crate::streams::StreamName;

/// A message of a stream that is followed.
#[derive(Debug, Clone)]
pub struct Followed<T> {
    pub value: T,
    /// Its number in the stream: who comes back asks for what is behind it.
    pub number: u64,
    /// So many more are there already.
    pub left: u64,
}

/// From where on run events are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Now,
    Since(Timestamp),
    Behind(u64),
}

/// What is followed, and how many messages were there at the begin.
pub struct Following<S> {
    pub there: u64,
    pub messages: S,
}

impl Bus {
    /// What workers write down for this run, from the oldest line that the stream still has.
    pub async fn follow_log(
        &self,
        workspace: &WorkspaceId,
        run: RunId,
    ) -> Result<impl Stream<Item = LogBatch> + Send + use<>, BusError> {
        let filter = subjects::logs_of(workspace, run);
        let following = self.follow(StreamName::Logs, filter, DeliverPolicy::All).await?;
        Ok(following.messages.map(|followed| followed.value))
    }

    /// The run events of a workspace, old ones first as far as they are wanted.
    pub async fn follow_events(
        &self,
        workspace: &WorkspaceId,
        from: From,
    ) -> Result<Following<impl Stream<Item = Followed<RunEvent>> + Send + use<>>, BusError> {
        let policy = match from {
            From::Now => DeliverPolicy::New,
            From::Since(at) => DeliverPolicy::ByStartTime { start_time: at.get() },
            From::Behind(number) => DeliverPolicy::ByStartSequence {
                start_sequence: number.saturating_add(1),
            },
        };
        self.follow(StreamName::Runs, subjects::runs_of(workspace), policy)
            .await
    }

    async fn follow<T: Mail + Send>(
        &self,
        stream: StreamName,
        filter: String,
        from: DeliverPolicy,
    ) -> Result<Following<impl Stream<Item = Followed<T>> + Send + use<T>>, BusError> {
        let config = pull::OrderedConfig {
            filter_subject: filter,
            deliver_policy: from,
            ..Default::default()
        };
        let made = self.stream.create_consumer_on_stream(config, stream.as_str()).await;
        let consumer = made.map_err(BusError::unavailable)?;
        let there = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(BusError::unavailable)?;
        let bus = self.clone();
        let messages = messages.filter_map(move |message| {
            let followed = match message {
                Ok(message) => followed(&bus, &message),
                Err(error) => {
                    warn!(%error, "a watcher's stream was interrupted");
                    None
                }
            };
            std::future::ready(followed)
        });
        Ok(Following { there, messages })
    }
}

/// What does not parse, or belongs to another subject, is passed over: a watcher cannot mend it.
fn followed<T: Mail>(bus: &Bus, message: &Message) -> Option<Followed<T>> {
    let subject = &message.subject;
    let value = bus
        .read(message)
        .inspect_err(|why| warn!(%why, %subject, "a watcher cannot read a message"));
    let info = message
        .info()
        .inspect_err(|error| warn!(%error, %subject, "a message without its number"));
    let (value, info) = (value.ok()?, info.ok()?);
    Some(Followed {
        value,
        number: info.stream_sequence,
        left: info.pending,
    })
}

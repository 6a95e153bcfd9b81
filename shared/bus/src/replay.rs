//! Consumers of run events for other systems.
//!
//! In: a workspace, which of its consumers, and from when. Out: the consumer, pulled from by name.
//! Never: one that delivers to a subject: the server does not check whether the workspace may
//! publish there.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use domain::{Timestamp, WorkspaceId};
use protocol::subjects::{event_reader, runs_of};

use crate::connection::{Bus, BusError};
use crate::readers::ACK_WAIT;
use crate::streams::StreamName;

/// Events are kept as long: a consumer that no client pulled from for this time has nothing left to
/// remember.
const FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 3600);
const RUNS: &str = StreamName::Runs.as_str();

impl Bus {
    /// Opens one of the workspace's consumers and gives its name. With an instant it begins there
    /// anew; without one it goes on where it stands, or begins with the first event that is kept.
    pub async fn open_events(
        &self,
        workspace: &WorkspaceId,
        number: u8,
        since: Option<Timestamp>,
    ) -> Result<String, BusError> {
        let name = event_reader(workspace, number);
        let begin = match since {
            None if self.has_reader(&name).await? => return Ok(name),
            None => DeliverPolicy::All,
            Some(at) => {
                self.forget_reader(&name).await?;
                let start_time = at.get();
                DeliverPolicy::ByStartTime { start_time }
            }
        };
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: runs_of(workspace),
            deliver_policy: begin,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            inactive_threshold: FORGOTTEN,
            ..Default::default()
        };
        let made = self.stream.create_consumer_on_stream(config, RUNS).await;
        made.map(|_: PullConsumer| name).map_err(BusError::unavailable)
    }

    async fn has_reader(&self, name: &str) -> Result<bool, BusError> {
        let found: Result<PullConsumer, _> = self.stream.get_consumer_from_stream(name, RUNS).await;
        match found {
            Ok(_) => Ok(true),
            Err(error) if is_unknown(&error) => Ok(false),
            Err(error) => Err(BusError::unavailable(error)),
        }
    }

    async fn forget_reader(&self, name: &str) -> Result<(), BusError> {
        match self.stream.delete_consumer_from_stream(name, RUNS).await {
            Err(error) if !is_unknown(&error) => Err(BusError::unavailable(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn is_unknown(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(said) if said.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

//! Whether NATS stores what it is given, and how far back the events of runs reach.
//!
//! In: a connection. Out: an answer in words. Touches: a bucket of its own. Never: a stream that
//! others read.
//!
//! A server whose disk is full says nothing to a publisher: the acknowledgement does not come. A
//! store that met a write error takes nothing more, also when there is room again, until its server
//! is started anew (seen with 2.15.1).

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::connection::{Bus, BusError};
use crate::publish::Outgoing;
use crate::streams::{BucketName, StreamName};

const KEY: &str = "canary";
/// Half a block of a disk: a full one is noticed with the second.
const SIZE: usize = 2 << 10;
const HEALTH_WITHIN: Duration = Duration::from_secs(3);
/// Every server answers it; our own is the only one.
const HEALTH: &str = "$SYS.REQ.SERVER.PING.HEALTHZ";

/// What RUNS holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunsHeld {
    /// None when there is no event.
    pub oldest: Option<OffsetDateTime>,
    pub bytes: u64,
    pub most_bytes: u64,
}

/// Where a planner is asked for its `Conditions`.
pub const CONDITIONS: &str = "vigilo.planner.conditions";
const CONDITIONS_WITHIN: Duration = Duration::from_secs(1);

/// What is not as it should be, in words; nothing where all is well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// NATS does not store what it is given.
    #[serde(default)]
    pub nats: Option<String>,
    /// The events of runs do not reach back as far as is promised.
    #[serde(default)]
    pub runs: Option<String>,
}

#[derive(Deserialize)]
struct Healthz {
    data: Health,
}

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    error: Option<String>,
}

impl Bus {
    /// Stores a block and has that confirmed. An error says that nothing can be stored now.
    pub async fn store_canary(&self) -> Result<(), BusError> {
        let message = Outgoing {
            subject: BucketName::Storing.subject(KEY),
            message_id: None,
            headers: Vec::new(),
            payload: vec![b'.'; SIZE].into(),
            signed: false,
        };
        self.publish(message).await
    }

    /// A question whose answer is only shown to a reader, and acted on by no service: no signature
    /// is required.
    async fn look_at<A: DeserializeOwned>(&self, subject: &'static str, within: Duration) -> Result<A, BusError> {
        let asked = self.client.request(subject, "{}".into());
        let timeout = |_| BusError::Timeout {
            subject: subject.to_owned(),
        };
        let answer = tokio::time::timeout(within, asked).await.map_err(timeout)?;
        Ok(serde_json::from_slice(&answer.map_err(BusError::unavailable)?.payload)?)
    }

    /// How far back the events of runs reach.
    pub async fn runs_held(&self) -> Result<RunsHeld, BusError> {
        let stream = self.stream.get_stream(StreamName::Runs.as_str()).await;
        let stream = stream.map_err(BusError::unavailable)?;
        let info = stream.cached_info();
        Ok(RunsHeld {
            oldest: (info.state.messages > 0).then_some(info.state.first_timestamp),
            bytes: info.state.bytes,
            most_bytes: u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX),
        })
    }

    /// What a planner has seen. An error: no planner answers.
    pub async fn conditions(&self) -> Result<Conditions, BusError> {
        self.look_at(CONDITIONS, CONDITIONS_WITHIN).await
    }

    /// With the login of the system account: what the server says of itself when it is not well.
    pub async fn server_complaint(&self) -> Result<Option<String>, BusError> {
        let answer: Healthz = self.look_at(HEALTH, HEALTH_WITHIN).await?;
        let Health { status, error } = answer.data;
        Ok((status != "ok").then(|| error.unwrap_or(status)))
    }
}

//! The streams and consumers of the wheel, made at start and whenever one is found missing.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};
use protocol::subjects::Worker;
use tracing::warn;

use crate::bounds::StreamBounds;
use crate::connection::{Bus, BusError};
use crate::readers::{ACK_WAIT, Reader};
use crate::streams::{ANY, BucketName, STREAMS, StreamName, StreamPlan, fulfils};

/// How long a server that does not answer is waited for at a start, and the pause between two
/// tries.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);
/// After so many deliveries without an answer the message is buried.
const MAX_DELIVER: i64 = 5;

impl Bus {
    /// Makes every stream as the table says. Idempotent; every process does it at its start, and
    /// where the table is fulfilled already it only looks: a worker needs no right to change a
    /// stream. A server that restarts just then is waited for.
    pub async fn apply_topology(&self) -> Result<(), BusError> {
        patiently(|| self.apply_once()).await
    }

    async fn apply_once(&self) -> Result<(), BusError> {
        for plan in &STREAMS {
            self.apply_plan(plan).await?;
        }
        if self.keeps_buckets {
            for bucket in BucketName::ALL {
                self.apply_bucket(bucket).await?;
            }
        }
        Ok(())
    }

    /// Waits until there is such a bucket.
    pub(crate) async fn bucket_made(&self, name: BucketName) -> Result<(), BusError> {
        patiently(async || {
            let found = self.stream.get_stream(name.stream()).await;
            let missing =
                |e| BusError::Unavailable(format!("the bucket {}, which the planner makes: {e}", name.as_str()));
            found.map(|_| ()).map_err(missing)
        })
        .await
    }

    async fn apply_plan(&self, plan: &StreamPlan) -> Result<(), BusError> {
        let found = self.stream.get_stream(plan.name.as_str()).await.ok();
        let found = found.map(|stream| stream.cached_info().clone());
        self.apply(self.wanted(plan, found.as_ref()), found).await
    }

    async fn apply_bucket(&self, bucket: BucketName) -> Result<(), BusError> {
        let found = self.stream.get_stream(bucket.stream()).await.ok();
        let found = found.map(|stream| stream.cached_info().clone());
        self.apply(bucket.wanted(self.replicas), found).await
    }

    async fn apply(&self, wanted: Config, found: Option<Info>) -> Result<(), BusError> {
        if found.as_ref().is_some_and(|found| fulfils(&found.config, &wanted)) {
            return Ok(());
        }
        let (stream, bytes) = (wanted.name.clone(), wanted.max_bytes);
        let applied = self.stream.create_or_update_stream(wanted).await;
        match (applied, found) {
            (Ok(_), _) => Ok(()),
            // It can be worked with until an account that may change it does.
            (Err(error), Some(_)) => {
                let error = self.explain(&error, bytes);
                warn!(
                    error,
                    stream, "a stream is not as this version wants it, and could not be changed"
                );
                Ok(())
            }
            (Err(error), None) => {
                let error = self.explain(&error, bytes);
                Err(BusError::Unavailable(format!("stream {stream}: {error}")))
            }
        }
    }

    /// What JetStream refuses for want of room is said with the numbers, and with what helps.
    fn explain(&self, error: &CreateStreamError, bytes: i64) -> String {
        let CreateStreamErrorKind::JetStream(refused) = error.kind() else {
            return error.to_string();
        };
        let room = [ErrorCode::STORAGE_RESOURCES_EXCEEDED, ErrorCode::INSUFFICIENT_RESOURCES];
        if !room.contains(&refused.error_code()) {
            return error.to_string();
        }
        let all = self
            .bounds
            .as_ref()
            .map_or_else(StreamBounds::default, |bounds| bounds.table);
        format!(
            "NATS has no room to reserve {} MiB for it ({} MiB for all streams together): give its disk or \
             jetstream.max_file_store more, or lower streams.*_mib of the planner",
            bytes >> 20,
            all.reserved_mib()
        )
    }

    /// How much RUNS may hold from here on. What it holds already stays.
    pub async fn set_runs_bound(&self, mib: u32) -> Result<(), BusError> {
        if let Some(bounds) = &self.bounds {
            bounds.set_runs(mib);
        }
        match STREAMS.iter().find(|plan| plan.name == StreamName::Runs) {
            Some(runs) => self.apply_plan(runs).await,
            None => Ok(()),
        }
    }

    fn wanted(&self, plan: &StreamPlan, found: Option<&Info>) -> Config {
        Config {
            name: plan.name.as_str().to_owned(),
            subjects: vec![plan.subjects.to_owned()],
            retention: plan.retention,
            max_age: plan.max_age,
            max_bytes: self.most_bytes(plan, found),
            discard: plan.full,
            discard_new_per_subject: plan.full == DiscardPolicy::New && plan.each.is_some(),
            max_messages_per_subject: plan.each.as_ref().map_or(ANY, |each| each.messages),
            max_message_size: plan.each.as_ref().map_or(-1, |each| each.message_bytes),
            storage: StorageType::File,
            num_replicas: self.replicas,
            duplicate_window: Duration::from_secs(120),
            ..Default::default()
        }
    }

    /// A smaller bound never throws away what is there; who does not apply the bounds takes what he
    /// finds.
    fn most_bytes(&self, plan: &StreamPlan, found: Option<&Info>) -> i64 {
        match (&self.bounds, found) {
            (None, None) => plan.max_bytes,
            (None, Some(found)) => found.config.max_bytes,
            (Some(bounds), found) => {
                let own = bounds.of(plan.name);
                let held = found.map_or(0, |found| i64::try_from(found.state.bytes).unwrap_or(i64::MAX));
                own.max(held)
            }
        }
    }

    /// The reader's consumer again, after its stream may have gone with a server's disk.
    pub(crate) async fn reopen(&self, reader: &Reader) -> Result<PullConsumer, BusError> {
        self.apply_once().await?;
        self.consumer_once(reader).await
    }

    /// The reader's consumer, waited for as the streams are.
    pub(crate) async fn consumer(&self, reader: &Reader) -> Result<PullConsumer, BusError> {
        patiently(|| self.consumer_once(reader)).await
    }

    /// Orders of this service that were not delivered to any worker yet.
    pub async fn undelivered(&self, worker: Worker) -> Result<u64, BusError> {
        let reader = Reader::orders(worker);
        let looked: Result<PullConsumer, _> = self
            .stream
            .get_consumer_from_stream(&reader.durable, reader.stream.as_str())
            .await;
        let consumer = looked.map_err(BusError::unavailable)?;
        Ok(consumer.cached_info().num_pending)
    }

    async fn consumer_once(&self, reader: &Reader) -> Result<PullConsumer, BusError> {
        // A server takes one filter or several, each in its own field.
        let (filter_subject, filter_subjects) = match reader.filters.as_slice() {
            [one] => (one.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        let config = pull::Config {
            durable_name: Some(reader.durable.clone()),
            filter_subject,
            filter_subjects,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: MAX_DELIVER,
            max_ack_pending: reader.max_ack_pending,
            inactive_threshold: reader.forgotten_after.unwrap_or_default(),
            ..Default::default()
        };
        let made = self
            .stream
            .create_consumer_on_stream(config, reader.stream.as_str())
            .await;
        made.map_err(|e| {
            BusError::Unavailable(format!(
                "consumer {} of {}: {e}",
                reader.durable,
                reader.stream.as_str()
            ))
        })
    }
}

/// Who stops meanwhile drops it.
#[expect(
    clippy::disallowed_methods,
    reason = "between two tries, within the time for all of them"
)]
pub(crate) async fn patiently<T, F: Future<Output = Result<T, BusError>>>(make: impl Fn() -> F) -> Result<T, BusError> {
    let begun = tokio::time::Instant::now();
    loop {
        match make().await {
            Err(BusError::Unavailable(why)) if begun.elapsed() < PATIENCE => {
                warn!(why, "NATS does not take it now; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}

//! The streams and consumers of the wheel as one table, applied at start and whenever one is found missing.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use domain::run::Status;
use protocol::subjects::{self, Worker};
use tracing::warn;

use crate::connection::{Bus, BusError};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A message whose reader died comes back after this long; a reader that lives says so every third of it.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
/// How long a server that does not answer is waited for at a start, and the pause between two tries.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);
/// After so many deliveries without an answer the message is buried.
const MAX_DELIVER: i64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamName {
    Orders,
    Reports,
    Requests,
    Commands,
    Probes,
    RenewalInfo,
    Runs,
    Logs,
    Dead,
}

struct StreamPlan {
    name: StreamName,
    subjects: &'static str,
    retention: RetentionPolicy,
    max_age: Duration,
    max_bytes: i64,
    each: Option<Bounds>,
}

/// What one subject may hold: more is refused to its sender, at once and with the reason. Without them the oldest message of
/// all goes when there is no room, whoever sent it.
struct Bounds {
    messages: i64,
    message_bytes: i32,
}

/// Other systems have a subject for each verb in each workspace, and no others (`accounts`). A system that waits for its
/// answers meets no bound: one request names up to 1,000 hosts, a bulk plan up to 10,000.
const OF_SYSTEMS: Bounds = Bounds {
    messages: 1_000,
    message_bytes: 512 << 10,
};

/// Unlimited: what a work queue holds is bounded by the windows of the planner.
const ANY: i64 = -1;
const GIB: i64 = 1 << 30;

const STREAMS: [StreamPlan; 9] = [
    StreamPlan {
        name: StreamName::Orders,
        subjects: "vigilo.order.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::ZERO,
        max_bytes: ANY,
        each: None,
    },
    StreamPlan {
        name: StreamName::Reports,
        subjects: "vigilo.report.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::ZERO,
        max_bytes: ANY,
        each: None,
    },
    StreamPlan {
        name: StreamName::Requests,
        subjects: "vigilo.request.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: DAY,
        max_bytes: ANY,
        each: Some(OF_SYSTEMS),
    },
    // People wait in a stream of their own: no system can stand before them.
    StreamPlan {
        name: StreamName::Commands,
        subjects: "vigilo.command.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: DAY,
        max_bytes: ANY,
        each: None,
    },
    // What is lost here is asked again: a look that is older says nothing about now.
    StreamPlan {
        name: StreamName::Probes,
        subjects: "vigilo.probe.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::from_secs(300),
        max_bytes: GIB,
        each: None,
    },
    // The same: what a CA said then is asked again.
    StreamPlan {
        name: StreamName::RenewalInfo,
        subjects: "vigilo.renewal-info.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::from_secs(300),
        max_bytes: GIB,
        each: None,
    },
    StreamPlan {
        name: StreamName::Runs,
        subjects: "vigilo.run.>",
        retention: RetentionPolicy::Limits,
        max_age: Duration::from_secs(30 * 24 * 3600),
        max_bytes: GIB,
        each: None,
    },
    // For those who watch a step while it runs; afterwards the record has it.
    StreamPlan {
        name: StreamName::Logs,
        subjects: "vigilo.log.>",
        retention: RetentionPolicy::Limits,
        max_age: DAY,
        max_bytes: GIB / 4,
        each: None,
    },
    StreamPlan {
        name: StreamName::Dead,
        subjects: "vigilo.dead.>",
        retention: RetentionPolicy::Limits,
        max_age: Duration::from_secs(90 * 24 * 3600),
        max_bytes: GIB,
        each: None,
    },
];

impl StreamName {
    pub const ALL: [Self; 9] = [
        Self::Orders,
        Self::Reports,
        Self::Requests,
        Self::Commands,
        Self::Probes,
        Self::RenewalInfo,
        Self::Runs,
        Self::Logs,
        Self::Dead,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "ORDERS",
            Self::Reports => "REPORTS",
            Self::Requests => "REQUESTS",
            Self::Commands => "COMMANDS",
            Self::Probes => "PROBES",
            Self::RenewalInfo => "RENEWAL-INFO",
            Self::Runs => "RUNS",
            Self::Logs => "LOGS",
            Self::Dead => "DEAD",
        }
    }
}

/// A durable reader: which stream, which subjects, how many messages may be in its hands at once.
#[derive(Debug, Clone)]
pub struct Reader {
    pub stream: StreamName,
    pub durable: String,
    /// Of the subjects of the stream.
    pub filters: Vec<String>,
    pub max_ack_pending: i64,
}

impl Reader {
    /// The orders of one service, shared by its replicas.
    pub fn orders(worker: Worker) -> Self {
        Self::new(
            StreamName::Orders,
            worker.as_str(),
            &protocol::subjects::orders_of(worker),
            5_000,
        )
    }

    pub fn reports() -> Self {
        Self::new(StreamName::Reports, "planner", "vigilo.report.>", 5_000)
    }

    pub fn requests() -> Self {
        Self::new(StreamName::Requests, "planner", "vigilo.request.>", 1_000)
    }

    pub fn commands() -> Self {
        Self::new(StreamName::Commands, "planner", "vigilo.command.>", 1_000)
    }

    /// The looks that the planner asks for, shared by the verifiers.
    pub fn probe_asks() -> Self {
        Self::new(StreamName::Probes, "verifier", "vigilo.probe.ask.*", 2_000)
    }

    /// What the verifiers saw, shared by the planners.
    pub fn probes_seen() -> Self {
        Self::new(StreamName::Probes, "planner", "vigilo.probe.seen.*", 2_000)
    }

    /// The questions that the planner has for CAs, shared by the issuers.
    pub fn renewal_info_asks() -> Self {
        Self::new(StreamName::RenewalInfo, "issuer", "vigilo.renewal-info.ask.*", 2_000)
    }

    /// What the CAs answered, shared by the planners.
    pub fn renewal_info_told() -> Self {
        Self::new(StreamName::RenewalInfo, "planner", "vigilo.renewal-info.told.*", 2_000)
    }

    /// The run events of these statuses, for one kind of reader.
    pub fn runs(durable: &str, statuses: &[Status]) -> Self {
        Self {
            filters: statuses.iter().map(|status| subjects::runs_that_are(*status)).collect(),
            ..Self::new(StreamName::Runs, durable, "", 1_000)
        }
    }

    fn new(stream: StreamName, durable: &str, filter: &str, max_ack_pending: i64) -> Self {
        Self {
            stream,
            durable: durable.to_owned(),
            filters: vec![filter.to_owned()],
            max_ack_pending,
        }
    }
}

/// The server fills in what we leave open.
fn fulfils(found: &Config, wanted: &Config) -> bool {
    found.subjects == wanted.subjects
        && found.retention == wanted.retention
        && found.max_age == wanted.max_age
        && found.max_bytes == wanted.max_bytes
        && found.num_replicas == wanted.num_replicas
        && found.duplicate_window == wanted.duplicate_window
        && found.discard == wanted.discard
        && found.discard_new_per_subject == wanted.discard_new_per_subject
        && bound(found.max_messages_per_subject) == bound(wanted.max_messages_per_subject)
        && bound(found.max_message_size.into()) == bound(wanted.max_message_size.into())
}

/// None is written as 0 or as -1.
fn bound(said: i64) -> Option<i64> {
    (said > 0).then_some(said)
}

impl Bus {
    /// Makes every stream as the table says. Idempotent; every process does it at its start, and where the table is
    /// fulfilled already it only looks: a worker needs no right to change a stream. A server that restarts just then is
    /// waited for.
    pub async fn apply_topology(&self) -> Result<(), BusError> {
        patiently(|| self.apply_once()).await
    }

    async fn apply_once(&self) -> Result<(), BusError> {
        for plan in &STREAMS {
            self.apply(plan).await?;
        }
        Ok(())
    }

    async fn apply(&self, plan: &StreamPlan) -> Result<(), BusError> {
        let wanted = self.wanted(plan);
        let found = self.stream.get_stream(&wanted.name).await;
        let found = found.ok().map(|stream| stream.cached_info().config.clone());
        if found.as_ref().is_some_and(|found| fulfils(found, &wanted)) {
            return Ok(());
        }
        let stream = wanted.name.clone();
        let applied = self.stream.create_or_update_stream(wanted).await;
        match (applied, found) {
            (Ok(_), _) => Ok(()),
            // It can be worked with until somebody who may change it does.
            (Err(error), Some(_)) => {
                warn!(%error, stream, "a stream is not as this version wants it, and could not be changed");
                Ok(())
            }
            (Err(error), None) => Err(BusError::Unavailable(format!("stream {stream}: {error}"))),
        }
    }

    fn wanted(&self, plan: &StreamPlan) -> Config {
        Config {
            name: plan.name.as_str().to_owned(),
            subjects: vec![plan.subjects.to_owned()],
            retention: plan.retention,
            max_age: plan.max_age,
            max_bytes: plan.max_bytes,
            discard: plan.each.as_ref().map_or(DiscardPolicy::Old, |_| DiscardPolicy::New),
            discard_new_per_subject: plan.each.is_some(),
            max_messages_per_subject: plan.each.as_ref().map_or(ANY, |each| each.messages),
            max_message_size: plan.each.as_ref().map_or(-1, |each| each.message_bytes),
            storage: StorageType::File,
            num_replicas: self.replicas,
            duplicate_window: Duration::from_secs(120),
            ..Default::default()
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

    /// Orders of this service that were delivered to nobody yet.
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

async fn patiently<T, F: Future<Output = Result<T, BusError>>>(make: impl Fn() -> F) -> Result<T, BusError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_has_its_plan() {
        assert_eq!(STREAMS.each_ref().map(|plan| plan.name), StreamName::ALL);
    }
}

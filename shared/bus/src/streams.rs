//! The streams and buckets of the wheel as one table: whose they are, what they hold, and how much.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

const DAY: Duration = Duration::from_secs(24 * 3600);

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

pub(crate) struct StreamPlan {
    pub name: StreamName,
    pub subjects: &'static str,
    pub retention: RetentionPolicy,
    pub max_age: Duration,
    pub max_bytes: i64,
    /// What comes when there is no room.
    pub full: DiscardPolicy,
    pub each: Option<Bounds>,
}

/// What one subject may hold: more is refused to its sender, at once and with the reason. Without them the oldest message of
/// all goes when there is no room, whoever sent it.
pub(crate) struct Bounds {
    pub messages: i64,
    pub message_bytes: i32,
}

/// Other systems have a subject for each verb in each workspace, and no others (`accounts`). A system that waits for its
/// answers meets no bound: one request names up to 1,000 hosts, a bulk plan up to 10,000. All verbs of one workspace
/// together do not fill the stream.
const OF_SYSTEMS: Bounds = Bounds {
    messages: 100,
    message_bytes: 512 << 10,
};

/// People press buttons, and a plan of theirs may name every host.
const OF_PEOPLE: Bounds = Bounds {
    messages: 1_000,
    message_bytes: 4 << 20,
};

/// Of one kind of message of one workspace or worker: the oldest of that kind goes, and no evidence of another.
const OF_LETTERS: Bounds = Bounds {
    messages: 500,
    message_bytes: 128 << 10,
};

pub(crate) const ANY: i64 = -1;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

pub(crate) const STREAMS: [StreamPlan; 9] = [
    // What finds no room is refused to its sender, who has it still: an order stays due in the record, a report is told again, and
    // its order is not acknowledged before.
    StreamPlan {
        name: StreamName::Orders,
        subjects: "vigilo.order.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::ZERO,
        max_bytes: 256 * MIB,
        full: DiscardPolicy::New,
        each: None,
    },
    StreamPlan {
        name: StreamName::Reports,
        subjects: "vigilo.report.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::ZERO,
        max_bytes: 256 * MIB,
        full: DiscardPolicy::New,
        each: None,
    },
    StreamPlan {
        name: StreamName::Requests,
        subjects: "vigilo.request.*.*",
        retention: RetentionPolicy::WorkQueue,
        max_age: DAY,
        max_bytes: GIB,
        full: DiscardPolicy::New,
        each: Some(OF_SYSTEMS),
    },
    // People wait in a stream of their own: no system can stand before them.
    StreamPlan {
        name: StreamName::Commands,
        subjects: "vigilo.command.*.*",
        retention: RetentionPolicy::WorkQueue,
        max_age: DAY,
        max_bytes: 128 * MIB,
        full: DiscardPolicy::New,
        each: Some(OF_PEOPLE),
    },
    // What is lost here is asked again: a look that is older says nothing about now.
    StreamPlan {
        name: StreamName::Probes,
        subjects: "vigilo.probe.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::from_secs(300),
        max_bytes: GIB / 4,
        full: DiscardPolicy::Old,
        each: None,
    },
    // The same: what a CA said then is asked again.
    StreamPlan {
        name: StreamName::RenewalInfo,
        subjects: "vigilo.renewal-info.>",
        retention: RetentionPolicy::WorkQueue,
        max_age: Duration::from_secs(300),
        max_bytes: GIB / 4,
        full: DiscardPolicy::Old,
        each: None,
    },
    StreamPlan {
        name: StreamName::Runs,
        subjects: "vigilo.run.>",
        retention: RetentionPolicy::Limits,
        max_age: Duration::from_secs(30 * 24 * 3600),
        max_bytes: GIB,
        full: DiscardPolicy::Old,
        each: None,
    },
    // For those who watch a step while it runs; afterwards the record has it.
    StreamPlan {
        name: StreamName::Logs,
        subjects: "vigilo.log.>",
        retention: RetentionPolicy::Limits,
        max_age: DAY,
        max_bytes: GIB / 4,
        full: DiscardPolicy::Old,
        each: None,
    },
    StreamPlan {
        name: StreamName::Dead,
        subjects: "vigilo.dead.>",
        retention: RetentionPolicy::Limits,
        max_age: Duration::from_secs(90 * 24 * 3600),
        max_bytes: GIB / 2,
        full: DiscardPolicy::Old,
        each: Some(OF_LETTERS),
    },
];

/// A key-value bucket, of the issuers but for one. The planner makes it: who may change a stream can have it say anything anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketName {
    /// http-01 token → key authorization.
    Http01,
    /// ACME order → who finalizes it.
    Finalize,
    /// A block that the planner stores again and again (`storing`).
    Storing,
}

impl BucketName {
    pub const ALL: [Self; 3] = [Self::Http01, Self::Finalize, Self::Storing];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http01",
            Self::Finalize => "finalize",
            Self::Storing => "storing",
        }
    }

    /// Of a key; `>` for all.
    pub fn subject(self, key: &str) -> String {
        format!("$KV.{}.{key}", self.as_str())
    }

    pub fn stream(self) -> String {
        format!("KV_{}", self.as_str())
    }

    /// A token outlives every order it can belong to (Let's Encrypt: 8 h at most); a claim is given its own, shorter life.
    const fn max_age(self) -> Duration {
        match self {
            Self::Http01 => Duration::from_secs(12 * 3600),
            Self::Finalize | Self::Storing => Duration::from_secs(3600),
        }
    }

    pub(crate) fn wanted(self, replicas: usize) -> Config {
        Config {
            name: self.stream(),
            subjects: vec![self.subject(">")],
            max_age: self.max_age(),
            max_bytes: 16 * MIB,
            max_messages_per_subject: 1,
            max_message_size: 4 << 10,
            discard: DiscardPolicy::New,
            // What was written must still be there after the server was restarted in the middle of a validation.
            storage: StorageType::File,
            num_replicas: replicas,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: false,
            allow_message_ttl: true,
            ..Default::default()
        }
    }
}

impl StreamName {
    /// Of the subjects of a stream whose subjects name a workspace next.
    pub(crate) const fn first_token(self) -> &'static str {
        match self {
            Self::Orders => "order",
            Self::Reports => "report",
            Self::Requests => "request",
            Self::Commands => "command",
            Self::Probes => "probe",
            Self::RenewalInfo => "renewal-info",
            Self::Runs => "run",
            Self::Logs => "log",
            Self::Dead => "dead",
        }
    }

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

/// The server fills in what we leave open.
pub(crate) fn fulfils(found: &Config, wanted: &Config) -> bool {
    found.subjects == wanted.subjects
        && found.retention == wanted.retention
        && found.max_age == wanted.max_age
        && found.max_bytes == wanted.max_bytes
        && found.num_replicas == wanted.num_replicas
        && found.duplicate_window == wanted.duplicate_window
        && found.discard == wanted.discard
        && found.discard_new_per_subject == wanted.discard_new_per_subject
        && found.allow_direct == wanted.allow_direct
        && found.allow_message_ttl == wanted.allow_message_ttl
        && bound(found.max_messages_per_subject) == bound(wanted.max_messages_per_subject)
        && bound(found.max_message_size.into()) == bound(wanted.max_message_size.into())
}

/// None is written as 0 or as -1.
fn bound(said: i64) -> Option<i64> {
    (said > 0).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_bounded_and_one_workspace_does_not_fill_that_of_requests() {
        assert!(STREAMS.iter().all(|plan| plan.max_bytes > 0));
        let all_verbs = protocol::request::Verb::names().count() as i64;
        let most = all_verbs * OF_SYSTEMS.messages * i64::from(OF_SYSTEMS.message_bytes);
        let requests = STREAMS.iter().find(|plan| plan.name == StreamName::Requests);
        assert!(requests.is_some_and(|plan| most < plan.max_bytes), "{most}");
    }

    #[test]
    fn every_stream_has_its_plan() {
        assert_eq!(STREAMS.each_ref().map(|plan| plan.name), StreamName::ALL);
    }
}

//! Who may say and hear what on NATS: the rows of the topology once more, seen from each user.
//!
//! In: a user. Out: the subjects of its permissions. Touches: nothing. Never: a password, or a
//! right that no row needs.
//!
//! A worker can be fooled or broken into: it must not be able to ask for a renewal, to read another
//! worker's orders, or to change a stream. Another system belongs to one workspace, whose account
//! (`accounts`) is its wall; its rights are the doors in that wall.

use domain::WorkspaceId;
use domain::run::StepKind;
use protocol::subjects::{self, Asker, Worker};

use crate::accounts::{self, Kind};
use crate::dead::{OTHER, of_subject};
use crate::events::TROUBLE_AND_ITS_END;
use crate::readers::Reader;
use crate::storing;
use crate::streams::{BucketName, StreamName};

/// A client with a login of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Planner,
    Console,
    Worker(Worker),
    /// The other systems of one workspace.
    Workspace(WorkspaceId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
    /// May answer what it was asked, wherever the asker listens.
    pub answers: bool,
}

impl User {
    /// Every service of a fleet.
    pub fn services() -> Vec<Self> {
        let workers = Worker::ALL.into_iter().map(Self::Worker);
        [Self::Planner, Self::Console].into_iter().chain(workers).collect()
    }

    /// The name to log in with.
    pub fn name(&self) -> String {
        match self {
            Self::Planner => "planner".to_owned(),
            Self::Console => "console".to_owned(),
            Self::Worker(worker) => worker.to_string(),
            Self::Workspace(workspace) => format!("ws-{workspace}"),
        }
    }

    pub fn rights(&self) -> Rights {
        let (publish, mut subscribe) = match self {
            Self::Planner => (
                planner(),
                owned(&[subjects::EXHAUSTED, subjects::CURRENT_ALL, storing::CONDITIONS]),
            ),
            Self::Console => (console(), Vec::new()),
            Self::Worker(worker) => (self::worker(*worker), heard(*worker)),
            Self::Workspace(workspace) => of_workspace(workspace),
        };
        // Each hears answers in a box of its own: one that all share would let everybody read
        // along.
        let inbox = format!("{}.>", subjects::inbox_of(&self.name()));
        if !subscribe.contains(&inbox) {
            subscribe.push(inbox);
        }
        Rights {
            publish,
            subscribe,
            answers: matches!(
                self,
                Self::Worker(Worker::KeySigner | Worker::Deployer | Worker::Incident)
            ),
        }
    }
}

/// What it may say and what it may hear.
fn of_workspace(workspace: &WorkspaceId) -> (Vec<String>, Vec<String>) {
    let (heard, said): (Vec<_>, Vec<_>) = accounts::doors(workspace)
        .into_iter()
        .partition(|door| door.kind == Kind::Heard);
    let inside = |doors: Vec<accounts::Door>| doors.into_iter().map(|door| door.inside).collect();
    (inside(said), inside(heard))
}

fn planner() -> Vec<String> {
    let mut all = owned(&[
        "vigilo.order.>",
        "vigilo.run.>",
        "vigilo.probe.ask.*",
        "vigilo.renewal-info.ask.*",
        "vigilo.dead.*.*",
        subjects::TARGET_CHECK,
    ]);
    // A sender of a request says where it waits.
    all.push(format!("{}.>", subjects::INBOX));
    for stream in StreamName::ALL.map(StreamName::as_str) {
        all.extend(["CREATE", "UPDATE", "MSG.GET", "MSG.DELETE"].map(|verb| format!("$JS.API.STREAM.{verb}.{stream}")));
    }
    for bucket in BucketName::ALL.map(BucketName::stream) {
        all.extend(["INFO", "CREATE", "UPDATE"].map(|verb| format!("$JS.API.STREAM.{verb}.{bucket}")));
    }
    all.extend(looks());
    // Whether what it gives to NATS is stored.
    all.push(BucketName::Storing.subject(">"));
    // How many orders lie undelivered.
    all.extend(undelivered());
    // Readers of what is asked, one for each workspace; the one for all of former versions goes.
    for stream in [StreamName::Requests, StreamName::Commands].map(StreamName::as_str) {
        all.push(format!("$JS.API.CONSUMER.CREATE.{stream}.*.vigilo.*.*.*"));
        all.extend(["INFO", "MSG.NEXT", "DELETE"].map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}.*")));
        all.extend([format!("$JS.ACK.{stream}.>"), format!("$JS.ACK.*.*.{stream}.>")]);
    }
    // Consumers of run events, which it opens for other systems.
    all.push("$JS.API.CONSUMER.CREATE.RUNS.*.vigilo.run.>".to_owned());
    all.extend(["INFO", "DELETE"].map(|verb| format!("$JS.API.CONSUMER.{verb}.RUNS.*")));
    all.extend(
        [Reader::reports(), Reader::probes_seen(), Reader::renewal_info_told()]
            .iter()
            .flat_map(reads),
    );
    all
}

fn console() -> Vec<String> {
    let mut all = owned(&["vigilo.command.>", subjects::INCIDENT_ACT_ALL, storing::CONDITIONS]);
    all.extend(custody_seals(Asker::Console));
    all.extend(looks());
    // How many orders lie undelivered.
    all.extend(undelivered());
    // Those who watch have consumers that come and go, with names that the server gives.
    for stream in ["RUNS", "LOGS"] {
        all.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
        all.push(format!("$JS.API.CONSUMER.CREATE.{stream}.>"));
        all.extend(["INFO", "DELETE", "MSG.NEXT"].map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}.*")));
    }
    all
}

fn worker(worker: Worker) -> Vec<String> {
    let steps = StepKind::ALL.into_iter().filter(|kind| Worker::of(*kind) == worker);
    let mut all: Vec<String> = steps.map(subjects::report).collect();
    all.push(subjects::current(worker));
    all.push(format!("vigilo.log.*.*.{worker}"));
    all.extend(looks());
    all.extend(reads(&Reader::orders(worker)));
    all.extend(beside_orders(worker));
    all
}

/// What a worker does beside its orders.
fn beside_orders(worker: Worker) -> Vec<String> {
    let opens = subjects::custody_open(worker);
    match worker {
        Worker::KeySigner => Vec::new(),
        Worker::Issuer => {
            let buckets = BucketName::ALL.into_iter().flat_map(bucket);
            let mut all = reads(&Reader::renewal_info_asks());
            all.push("vigilo.renewal-info.told.*".to_owned());
            all.push(opens);
            all.extend(custody_seals(Asker::Worker(worker)).into_iter().chain(buckets));
            all
        }
        Worker::Deployer => vec![opens],
        Worker::Verifier => {
            let mut all = reads(&Reader::probe_asks());
            all.push("vigilo.probe.seen.*".to_owned());
            all
        }
        Worker::Incident => {
            let mut all = reads(&Reader::runs(worker.as_str(), &TROUBLE_AND_ITS_END));
            all.push(opens);
            all
        }
    }
}

/// Who stores secrets: the public key to seal them to, and the envelope.
fn custody_seals(asker: Asker) -> [String; 2] {
    [subjects::custody_seal(asker), subjects::custody_recipient(asker)]
}

/// Questions that a worker answers, and what it follows.
fn heard(worker: Worker) -> Vec<String> {
    match worker {
        Worker::KeySigner => owned(&[
            subjects::CUSTODY_OPEN_ALL,
            subjects::CUSTODY_SEAL_ALL,
            subjects::CUSTODY_RECIPIENT_ALL,
        ]),
        Worker::Deployer => owned(&[subjects::TARGET_CHECK]),
        // What other issuers present, as they present it.
        Worker::Issuer => vec![format!("{}>", crate::tokens::PREFIX)],
        Worker::Incident => owned(&[subjects::INCIDENT_ACT_ALL]),
        Worker::Verifier => Vec::new(),
    }
}

/// Opening a durable consumer, pulling from it, acknowledging in both forms that servers use, and
/// burying what cannot be read.
fn reads(reader: &Reader) -> Vec<String> {
    let (stream, durable) = (reader.stream.as_str(), &reader.durable);
    // Of several filters none is in the subject.
    let filter = match reader.filters.as_slice() {
        [one] => format!(".{one}"),
        _ => String::new(),
    };
    [
        format!("$JS.API.CONSUMER.CREATE.{stream}.{durable}{filter}"),
        format!("$JS.API.CONSUMER.INFO.{stream}.{durable}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"),
        format!("$JS.ACK.{stream}.{durable}.>"),
        format!("$JS.ACK.*.*.{stream}.{durable}.>"),
    ]
    .into_iter()
    .chain(buries(reader))
    .collect()
}

/// Each kind of message has a subject of its own among the dead letters, bounded by itself.
fn buries(reader: &Reader) -> Vec<String> {
    let letters = |of: &str| subjects::dead(reader.stream.as_str(), of);
    let steps = StepKind::ALL.map(subjects::order);
    let own = |filter: &String| match filter.strip_suffix('*') {
        Some(prefix) if reader.stream == StreamName::Orders => {
            let own = steps.iter().filter(|step| step.starts_with(prefix));
            own.map(|step| letters(of_subject(step))).collect()
        }
        Some(_) | None => vec![letters(of_subject(filter))],
    };
    reader.filters.iter().flat_map(own).chain([letters(OTHER)]).collect()
}

fn undelivered() -> [String; 5] {
    Worker::ALL.map(|worker| format!("$JS.API.CONSUMER.INFO.ORDERS.{worker}"))
}

/// Whether the streams are there.
fn looks() -> Vec<String> {
    StreamName::ALL
        .map(|stream| format!("$JS.API.STREAM.INFO.{}", stream.as_str()))
        .to_vec()
}

/// Writing and reading a bucket, which the planner makes. No direct read, and no change of the
/// stream: with either the server would say for its user, to any subject, what that one wrote.
fn bucket(name: BucketName) -> [String; 3] {
    let stream = name.stream();
    [
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        name.subject(">"),
    ]
}

fn owned(subjects: &[&str]) -> Vec<String> {
    subjects.iter().map(|subject| (*subject).to_owned()).collect()
}

#[cfg(test)]
mod tests;

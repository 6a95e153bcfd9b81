//! The grammar of subjects. Tokens come from ids, slugs and enums only, never from what a user
//! typed.

use std::fmt;

use domain::run::{Status, StepKind};
use domain::{RunId, WorkspaceId};

use crate::request::Verb;

/// A worker service: who carries out which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    KeySigner,
    Issuer,
    Deployer,
    Verifier,
    /// Rehearses its channels only.
    Incident,
}

impl Worker {
    pub const ALL: [Self; 5] = [
        Self::KeySigner,
        Self::Issuer,
        Self::Deployer,
        Self::Verifier,
        Self::Incident,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeySigner => "key-signer",
            Self::Issuer => "issuer",
            Self::Deployer => "deployer",
            Self::Verifier => "verifier",
            Self::Incident => "incident",
        }
    }

    pub const fn of(kind: StepKind) -> Self {
        match kind {
            StepKind::PrepareKey => Self::KeySigner,
            StepKind::Issue | StepKind::Tidy => Self::Issuer,
            StepKind::Deploy | StepKind::Rollback => Self::Deployer,
            StepKind::Verify | StepKind::Confirm => Self::Verifier,
            StepKind::Channels => Self::Incident,
        }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asks the key-signer; each on a subject of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    Worker(Worker),
    /// For people.
    Console,
}

impl Asker {
    pub const ALL: [Self; 6] = [
        Self::Worker(Worker::KeySigner),
        Self::Worker(Worker::Issuer),
        Self::Worker(Worker::Deployer),
        Self::Worker(Worker::Verifier),
        Self::Worker(Worker::Incident),
        Self::Console,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker(worker) => worker.as_str(),
            Self::Console => "console",
        }
    }

    /// By the last token of the subject.
    pub fn on(subject: &str) -> Option<Self> {
        let token = subject.rsplit('.').next()?;
        Self::ALL.into_iter().find(|asker| asker.as_str() == token)
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub fn order(kind: StepKind) -> String {
    format!("vigilo.order.{}.{}", Worker::of(kind), kind.as_str())
}

/// All orders of one service: the filter of its consumer.
pub fn orders_of(worker: Worker) -> String {
    format!("vigilo.order.{worker}.*")
}

pub fn report(kind: StepKind) -> String {
    format!("vigilo.report.{}", kind.as_str())
}

/// Where the other systems of a workspace ask.
pub fn request(workspace: &WorkspaceId, verb: &str) -> String {
    format!("vigilo.request.{workspace}.{verb}")
}

/// Where the console asks for people: no other system gets there.
pub fn command(workspace: &WorkspaceId, verb: Verb) -> String {
    format!("vigilo.command.{workspace}.{}", verb.as_str())
}

pub fn run(workspace: &WorkspaceId, run: RunId, status: Status) -> String {
    format!("vigilo.run.{workspace}.{run}.{}", status.as_str())
}

/// Every event of every run of a workspace.
pub fn runs_of(workspace: &WorkspaceId) -> String {
    format!("vigilo.run.{workspace}.>")
}

/// The events of all workspaces that say that a run has come to this.
pub fn runs_that_are(status: Status) -> String {
    format!("vigilo.run.*.*.{}", status.as_str())
}

/// So many consumers of its run events a workspace may have: the rights of its user name each.
pub const EVENT_READERS: u8 = 4;

/// The name of one of them, from 1 on.
pub fn event_reader(workspace: &WorkspaceId, number: u8) -> String {
    format!("ws-{workspace}-{number}")
}

/// Each worker writes on a subject of its own: none has a say in what another did.
pub fn log(workspace: &WorkspaceId, run: RunId, worker: Worker) -> String {
    format!("vigilo.log.{workspace}.{run}.{worker}")
}

/// What all workers write of a run.
pub fn logs_of(workspace: &WorkspaceId, run: RunId) -> String {
    format!("vigilo.log.{workspace}.{run}.*")
}

pub fn probe_ask(workspace: &WorkspaceId) -> String {
    format!("vigilo.probe.ask.{workspace}")
}

pub fn probe_seen(workspace: &WorkspaceId) -> String {
    format!("vigilo.probe.seen.{workspace}")
}

pub fn renewal_info_ask(workspace: &WorkspaceId) -> String {
    format!("vigilo.renewal-info.ask.{workspace}")
}

pub fn renewal_info_told(workspace: &WorkspaceId) -> String {
    format!("vigilo.renewal-info.told.{workspace}")
}

/// `stream` in lower case; `of` whom or what: a workspace, or a step.
pub fn dead(stream: &str, of: &str) -> String {
    format!("vigilo.dead.{}.{of}", stream.to_ascii_lowercase())
}

pub fn custody_open(worker: Worker) -> String {
    format!("vigilo.custody.open.{worker}")
}

/// Where a worker asks for the present order of a run that it has an order of.
pub fn current(worker: Worker) -> String {
    format!("vigilo.current.{worker}")
}

/// Where the planner asks deployers whether targets could take a certificate.
pub const TARGET_CHECK: &str = "vigilo.target-check";

/// Where the console asks the incident service for what a person does to an incident.
pub fn incident_act(workspace: &WorkspaceId) -> String {
    format!("{INCIDENT_ACT}.{workspace}")
}

/// The workspace of such a subject.
pub fn workspace_of_incident_act(subject: &str) -> Option<WorkspaceId> {
    subject.strip_prefix(INCIDENT_ACT)?.strip_prefix('.')?.parse().ok()
}

const INCIDENT_ACT: &str = "vigilo.incident.act";
pub const INCIDENT_ACT_ALL: &str = "vigilo.incident.act.*";

pub const CURRENT_ALL: &str = "vigilo.current.*";

pub fn custody_seal(asker: Asker) -> String {
    format!("vigilo.custody.seal.{asker}")
}

pub fn custody_recipient(asker: Asker) -> String {
    format!("vigilo.custody.recipient.{asker}")
}

pub const CUSTODY_OPEN_ALL: &str = "vigilo.custody.open.*";
pub const CUSTODY_SEAL_ALL: &str = "vigilo.custody.seal.*";
pub const CUSTODY_RECIPIENT_ALL: &str = "vigilo.custody.recipient.*";

/// The server's word that a message ran out of deliveries.
pub const EXHAUSTED: &str = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*";

/// Where answers are waited for.
pub const INBOX: &str = "_INBOX";

/// Where a user waits for answers: no other user may listen there.
pub fn inbox_of(user: &str) -> String {
    format!("{INBOX}.{user}")
}

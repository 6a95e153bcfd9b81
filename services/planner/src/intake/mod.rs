//! Requests from the console, the CLI and other systems: judged, turned into runs, answered after the commit.

mod acts;
mod checks;
mod jobs;
mod renewals;
mod sender;
pub(crate) mod tenants;

use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use bus::panics::caught;
use domain::backoff::Ladder;
use domain::{Invalid, WorkspaceId};
use protocol::request::{Answer, EventsRequest, ProbeRequest, Refused, Verb, readable};
use protocol::subjects::EVENT_READERS;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::decide::acts::ActKind;
use crate::jobs::{JobActKind, Jobs};
use crate::ledger::Ledger;
use crate::sweeps::renewal_info::RenewalInfo;
use crate::sweeps::survey::Survey;
use checks::{few_enough, no_nul};
use sender::Sender;

pub(crate) struct Intake {
    pub store: Store,
    pub bus: Bus,
    pub ledger: Arc<Ledger>,
    pub survey: Arc<Survey>,
    pub jobs: Arc<Jobs>,
    pub asking: Arc<RenewalInfo>,
    /// How failures of new runs are tried again.
    pub ladder: Ladder,
}

/// Why there is no answer of the kind that was asked for.
enum Refusal {
    /// It is answered so.
    Said(Invalid),
    /// It cannot be answered now, or at all.
    Store(StoreError),
}

impl From<Invalid> for Refusal {
    fn from(reason: Invalid) -> Self {
        Self::Said(reason)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Until `stop`, or until nothing was asked for so long.
pub(crate) async fn take_requests(
    intake: Arc<Intake>,
    mut inbox: Inbox<Value>,
    stop: &CancellationToken,
    silent: Duration,
) -> anyhow::Result<()> {
    while let Some(requests) = inbox.next_within(stop, silent).await {
        for request in requests {
            intake.take(&request, stop).await;
        }
    }
    Ok(())
}

impl Intake {
    /// Answers one request; while Postgres is away it is tried again, and it comes again if we stop before.
    async fn take(&self, request: &Delivery<Value>, stop: &CancellationToken) {
        loop {
            let answered = match caught(self.answer(request.subject(), &request.value)).await {
                Ok(answered) => answered,
                Err(panicked) => return request.bury_defect(&panicked).await,
            };
            match answered {
                Ok(answer) => return self.settle(request, &answer).await,
                Err(StoreError::Unavailable(why)) => warn!(%why, "a request cannot be decided; trying again"),
                Err(StoreError::Unknown { .. }) => {
                    let remedy = "use the name of an existing workspace";
                    let reason = Invalid::new("workspace", "there is no such workspace", remedy);
                    return self.settle(request, &rejected(reason)).await;
                }
                Err(error) => {
                    error!(%error, "a request cannot be decided");
                    let remedy = "the planner's log names the row; ask the operator of this system";
                    let reason = Invalid::new("", "the record of what you asked for cannot be used", remedy);
                    return self.settle(request, &rejected(reason)).await;
                }
            }
            if chassis::pause(Duration::from_millis(300), stop).await.is_none() {
                return;
            }
        }
    }

    async fn settle(&self, request: &Delivery<Value>, answer: &Answer) {
        if let Some(sender) = request.reply_to() {
            self.bus.reply(request.subject(), sender, answer).await;
        }
        request.ack().await;
    }

    async fn answer(&self, subject: &str, body: &Value) -> Result<Answer, StoreError> {
        match self.carried_out(subject, body.clone()).await {
            Ok(answer) => Ok(answer),
            Err(Refusal::Said(reason)) => Ok(rejected(reason)),
            Err(Refusal::Store(error)) => Err(error),
        }
    }

    async fn carried_out(&self, subject: &str, body: Value) -> Result<Answer, Refusal> {
        let (sender, workspace, verb) = addressed(subject)?;
        no_nul(&body)?;
        let (workspace, body) = (&workspace, sender.sign(&workspace, readable(body)?)?);
        match verb {
            Verb::Renew => self.renew(sender, workspace, read(body)?).await,
            Verb::Resume => self.act_on_runs(workspace, ActKind::Resume, body).await,
            Verb::Retry => self.act_on_runs(workspace, ActKind::Retry, body).await,
            Verb::Cancel => self.act_on_runs(workspace, ActKind::Cancel, body).await,
            Verb::Resolve => self.resolve(workspace, &read(body)?).await,
            Verb::Probe => self.probe(workspace, &read(body)?).await,
            Verb::BulkPlan => self.plan_bulk(sender, workspace, read(body)?).await,
            Verb::BulkCommit => self.commit_bulk(sender, workspace, &read(body)?).await,
            Verb::JobPause => self.act_on_job(workspace, JobActKind::Pause, &read(body)?).await,
            Verb::JobResume => self.act_on_job(workspace, JobActKind::Resume, &read(body)?).await,
            Verb::JobCancel => self.act_on_job(workspace, JobActKind::Cancel, &read(body)?).await,
            Verb::JobShow => self.show_job(workspace, &read(body)?).await,
            Verb::Events => self.open_events(workspace, &read(body)?).await,
        }
    }

    async fn open_events(&self, workspace: &WorkspaceId, request: &EventsRequest) -> Result<Answer, Refusal> {
        let (number, since) = (request.consumer, request.since);
        if !(1..=EVENT_READERS).contains(&number) {
            let remedy = format!("give 1 to {EVENT_READERS}: so many a workspace may have at the same time");
            return Err(Invalid::new("consumer", format!("there is no consumer {number}"), remedy).into());
        }
        match self.bus.open_events(workspace, number, since).await {
            Ok(consumer) => Ok(Answer::Events { consumer }),
            Err(error) => Err(Invalid::new("", error.to_string(), "ask again in a moment").into()),
        }
    }

    async fn probe(&self, workspace: &WorkspaceId, request: &ProbeRequest) -> Result<Answer, Refusal> {
        few_enough("hostnames", request.hostnames.len())?;
        let (asked_at, asked) = self.survey.ask_now(workspace, &request.hostnames).await?;
        self.asking.ask_now(workspace, &asked).await?;
        let strange = request.hostnames.iter().filter(|hostname| !asked.contains(hostname));
        let remedy = "add it first: vigilo host add";
        let refused = strange.map(|hostname| Refused {
            hostname: hostname.clone(),
            reason: Invalid::new("hostname", "it is no host of this workspace", remedy),
        });
        let refused = refused.collect();
        Ok(Answer::Probing {
            asked_at,
            asked,
            refused,
        })
    }
}

fn addressed(subject: &str) -> Result<(Sender, WorkspaceId, Verb), Invalid> {
    parsed(subject).ok_or_else(|| {
        let verbs = Verb::ALL.map(Verb::as_str).join(", ");
        let remedy = format!("publish to vigilo.request.<workspace>.<verb>, with one of the verbs {verbs}");
        Invalid::new("subject", format!("{subject} is no request"), remedy)
    })
}

fn parsed(subject: &str) -> Option<(Sender, WorkspaceId, Verb)> {
    let mut tokens = subject.strip_prefix("vigilo.")?.split('.');
    let sender = match tokens.next()? {
        "request" => Sender::Systems,
        "command" => Sender::Person,
        _ => return None,
    };
    let workspace = tokens.next()?.parse().ok()?;
    let verb = Verb::parse(tokens.next()?)?;
    tokens.next().is_none().then_some((sender, workspace, verb))
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Invalid> {
    let remedy = "send the JSON that shared/protocol/schema describes";
    serde_json::from_value(body).map_err(|error| Invalid::new("payload", error.to_string(), remedy))
}

fn rejected(reason: Invalid) -> Answer {
    Answer::Rejected { reason }
}

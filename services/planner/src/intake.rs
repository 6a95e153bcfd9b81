//! Requests from the console, the CLI and other systems: judged, turned into runs, answered after the commit.

use std::collections::HashMap;
use std::sync::Arc;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use domain::backoff::Ladder;
use domain::policy::Charge;
use domain::run::{Event, Ignored, Mode};
use domain::{Hostname, Invalid, PolicyId, RunId, Timestamp, WorkspaceId};
use protocol::request::{Accepted, Answer, ProbeRequest, Refused, RenewRequest, RunRequest, Verb};
use serde_json::Value;
use store::{NewRun, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::compose::{self, Asked};
use crate::judge;
use crate::ledger::{Ledger, Refusal};
use crate::survey::Survey;

/// More hostnames in one request would not fit into one message and one transaction comfortably.
const MOST_HOSTS: usize = 1_000;

pub(crate) struct Intake {
    pub store: Store,
    pub bus: Bus,
    pub ledger: Arc<Ledger>,
    pub survey: Arc<Survey>,
    /// How failures of new runs are tried again.
    pub ladder: Ladder,
}

pub(crate) async fn take_requests(
    intake: Intake,
    mut inbox: Inbox<Value>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(requests) = inbox.next(stop).await {
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
            match self.answer(request.subject(), &request.value).await {
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
                    let reason = Invalid::new("", "the record of what you asked for cannot be read", remedy);
                    return self.settle(request, &rejected(reason)).await;
                }
            }
            let pause = tokio::time::sleep(std::time::Duration::from_millis(300));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn settle(&self, request: &Delivery<Value>, answer: &Answer) {
        if let Some(sender) = request.reply_to() {
            self.bus.reply(sender, answer).await;
        }
        request.ack().await;
    }

    async fn answer(&self, subject: &str, body: &Value) -> Result<Answer, StoreError> {
        let Some((workspace, verb)) = addressed(subject) else {
            let remedy = "publish to vigilo.request.<workspace>.renew, .resume, .retry, .cancel or .probe";
            return Ok(rejected(Invalid::new(
                "subject",
                format!("{subject} is no request"),
                remedy,
            )));
        };
        match verb {
            Verb::Renew => match serde_json::from_value::<RenewRequest>(body.clone()) {
                Ok(request) => self.renew(&workspace, request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::Probe => match serde_json::from_value::<ProbeRequest>(body.clone()) {
                Ok(request) => self.probe(&workspace, request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::Resume | Verb::Retry | Verb::Cancel => match serde_json::from_value::<RunRequest>(body.clone()) {
                Ok(request) => self.tell(&workspace, verb, request).await,
                Err(e) => Ok(unreadable(&e)),
            },
        }
    }

    async fn renew(&self, workspace: &WorkspaceId, request: RenewRequest) -> Result<Answer, StoreError> {
        if let Err(refused) = check(&request) {
            return Ok(rejected(refused));
        }
        loop {
            if let Some(given) = self.store.answered(workspace, &request.idempotency_key).await? {
                return serde_json::from_value(given).map_err(|e| corrupt(&request, &e));
            }
            let now = self.ledger.now();
            let (runs, answer) = self.decide(workspace, &request, now).await?;
            let kept = serde_json::to_value(&answer).map_err(|e| corrupt(&request, &e))?;
            match self
                .store
                .create_runs(&runs, (workspace, &request.idempotency_key, &kept), now)
                .await
            {
                Ok(()) => {
                    info!(by = %request.requested_by, runs = runs.len(), "runs were created");
                    self.ledger.release().await?;
                    return Ok(answer);
                }
                // Somebody was faster, with the same key or the same policy: decide again on what is true now.
                Err(StoreError::Duplicate { .. }) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Every hostname becomes a run or a refusal.
    async fn decide(
        &self,
        workspace: &WorkspaceId,
        request: &RenewRequest,
        now: Timestamp,
    ) -> Result<(Vec<NewRun>, Answer), StoreError> {
        let names: Vec<String> = request.hostnames.iter().map(ToString::to_string).collect();
        let charges = self.store.charges(workspace, &names).await?;
        let policies: Vec<PolicyId> = charges.iter().map(|charge| charge.policy.id).collect();
        let active: HashMap<PolicyId, RunId> = self.store.active_runs(&policies).await?.into_iter().collect();
        let charges: HashMap<&Hostname, &Charge> = charges
            .iter()
            .map(|charge| (&charge.policy.says.hostname, charge))
            .collect();
        let (mut runs, mut accepted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = std::collections::HashSet::new();
        for hostname in request.hostnames.iter().filter(|hostname| seen.insert(*hostname)) {
            let charge = charges.get(hostname).copied();
            match self.one(charge, request, &active, now) {
                Ok(run) => {
                    accepted.push(Accepted {
                        hostname: hostname.clone(),
                        run_id: run.head.id,
                    });
                    runs.push(run);
                }
                Err(reason) => refused.push(Refused {
                    hostname: hostname.clone(),
                    reason,
                }),
            }
        }
        Ok((runs, Answer::Renewal { accepted, refused }))
    }

    fn one(
        &self,
        charge: Option<&Charge>,
        request: &RenewRequest,
        active: &HashMap<PolicyId, RunId>,
        now: Timestamp,
    ) -> Result<NewRun, Invalid> {
        let remedy = "add one first: vigilo policy add";
        let charge = charge.ok_or_else(|| Invalid::new("hostname", "it has no active policy", remedy))?;
        let by_policy = if charge.policy.says.dry_run_default {
            Mode::DryRun
        } else {
            Mode::Live
        };
        let mode = request.mode.unwrap_or(by_policy);
        judge::judge(charge, mode, active.get(&charge.policy.id).copied(), now)?;
        let asked = Asked {
            mode,
            trigger: request.trigger,
            by: request.requested_by.clone(),
            ladder: self.ladder.clone(),
        };
        compose::new_run(charge, &asked, now)
    }

    async fn probe(&self, workspace: &WorkspaceId, request: ProbeRequest) -> Result<Answer, StoreError> {
        if let Err(refused) = how_many(&request.hostnames) {
            return Ok(rejected(refused));
        }
        let (asked_at, asked) = self.survey.ask_now(workspace, &request.hostnames).await?;
        let strange = |hostname: &&Hostname| !asked.contains(hostname);
        let refused = request.hostnames.iter().filter(strange).map(|hostname| Refused {
            hostname: hostname.clone(),
            reason: Invalid::new(
                "hostname",
                "it is no host of this workspace",
                "add it first: vigilo host add",
            ),
        });
        let refused = refused.collect();
        Ok(Answer::Probing {
            asked_at,
            asked,
            refused,
        })
    }

    async fn tell(&self, workspace: &WorkspaceId, verb: Verb, request: RunRequest) -> Result<Answer, StoreError> {
        let run_id = request.run_id;
        let unknown = || {
            rejected(Invalid::new(
                "run_id",
                format!("{run_id} is no run of this workspace"),
                "see vigilo runs",
            ))
        };
        let filter = store::RunFilter {
            ids: Some(vec![run_id]),
            ..Default::default()
        };
        if self.store.runs(workspace, &filter, 1).await?.is_empty() {
            return Ok(unknown());
        }
        let event = match verb {
            Verb::Cancel => Event::CancelRequested {
                by: request.requested_by,
            },
            Verb::Retry => Event::Retried,
            Verb::Resume | Verb::Renew | Verb::Probe => Event::Resumed,
        };
        let refused = match self.ledger.tell(&[run_id], &event).await {
            Err(StoreError::Duplicate { .. }) => {
                let remedy = "wait for its end, resume it or cancel it";
                let problem = format!("another run of the same policy has begun since {run_id}");
                return Ok(rejected(Invalid::new("run_id", problem, remedy)));
            }
            told => told?,
        };
        Ok(match refused.into_iter().next() {
            None => Answer::Done { run_id },
            Some((_, Refusal::Unknown)) => unknown(),
            Some((_, Refusal::Ignored(why))) => rejected(out_of_place(run_id, verb, why)),
        })
    }
}

fn how_many(hostnames: &[Hostname]) -> Result<(), Invalid> {
    if (1..=MOST_HOSTS).contains(&hostnames.len()) {
        return Ok(());
    }
    let problem = format!("{} hostnames are out of range", hostnames.len());
    let remedy = format!("give 1 to {MOST_HOSTS} in one request");
    Err(Invalid::new("hostnames", problem, remedy))
}

fn check(request: &RenewRequest) -> Result<(), Invalid> {
    how_many(&request.hostnames)?;
    for (field, text) in [
        ("idempotency_key", &request.idempotency_key),
        ("requested_by", &request.requested_by),
    ] {
        if text.is_empty() || text.len() > 200 {
            return Err(Invalid::new(
                field,
                "it must have 1 to 200 characters",
                "for example a UUID, or a name",
            ));
        }
    }
    Ok(())
}

fn addressed(subject: &str) -> Option<(WorkspaceId, Verb)> {
    let mut tokens = subject.strip_prefix("vigilo.request.")?.split('.');
    let workspace = tokens.next()?.parse().ok()?;
    let word = tokens.next()?;
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == word)?;
    tokens.next().is_none().then_some((workspace, verb))
}

fn out_of_place(run: RunId, verb: Verb, why: Ignored) -> Invalid {
    let remedy = match verb {
        Verb::Resume | Verb::Renew | Verb::Probe => "only a run that needs a person can be resumed",
        Verb::Retry => "only a live run that failed can be retried; start a new renewal otherwise",
        Verb::Cancel => "only a run that has not ended can be cancelled",
    };
    Invalid::new("run_id", format!("run {run} cannot do that now: {why}"), remedy)
}

fn rejected(reason: Invalid) -> Answer {
    Answer::Rejected { reason }
}

fn unreadable(error: &serde_json::Error) -> Answer {
    rejected(Invalid::new(
        "payload",
        error.to_string(),
        "send the JSON that shared/protocol describes",
    ))
}

fn corrupt(request: &RenewRequest, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: "requests",
        id: request.idempotency_key.clone(),
        why: error.to_string(),
    }
}

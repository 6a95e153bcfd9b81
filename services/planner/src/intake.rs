//! Requests from the console, the CLI and other systems: judged, turned into runs, answered after the commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bus::Bus;
use bus::inbox::{Delivery, Inbox};
use domain::backoff::Ladder;
use domain::policy::Charge;
use domain::provider::Catalogue;
use domain::run::Mode;
use domain::{Hostname, Invalid, PolicyId, RunId, Timestamp, WorkspaceId};
use protocol::request::{
    Accepted, Answer, BulkCommitRequest, BulkPlanRequest, JobRequest, ProbeRequest, Refused, RefusedRun, RenewRequest,
    ResolveRequest, RunRequest, RunsRequest, Verb, readable,
};
use serde_json::Value;
use store::{NewRun, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::compose::{self, Asked};
use crate::jobs::{JobWord, Jobs};
use crate::judge;
use crate::ledger::Ledger;
use crate::money;
use crate::people::{Deed, Word};
use crate::renewal_info::RenewalInfo;
use crate::survey::Survey;
use crate::turns;

/// More hostnames or runs in one request would not fit into one message and one transaction comfortably.
const MOST: usize = 1_000;
const LONGEST_NOTE: usize = 1_000;

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
                    let reason = Invalid::new("", "the record of what you asked for cannot be used", remedy);
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
            let remedy = "publish to vigilo.request.<workspace>.renew, .resume, .retry, .cancel, .resolve, .probe, .bulk_plan, \
                          .bulk_commit, .job_pause, .job_resume or .job_cancel";
            return Ok(rejected(Invalid::new(
                "subject",
                format!("{subject} is no request"),
                remedy,
            )));
        };
        let body = match readable(body.clone()) {
            Ok(body) => body,
            Err(refused) => return Ok(rejected(refused)),
        };
        match verb {
            Verb::Renew => match serde_json::from_value::<RenewRequest>(body) {
                Ok(request) => self.renew(&workspace, request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::Resolve => match serde_json::from_value::<ResolveRequest>(body) {
                Ok(request) => self.resolve(&workspace, &request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::Probe => match serde_json::from_value::<ProbeRequest>(body) {
                Ok(request) => self.probe(&workspace, &request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::BulkPlan => match serde_json::from_value::<BulkPlanRequest>(body) {
                Ok(request) => self.plan_bulk(&workspace, request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::BulkCommit => match serde_json::from_value::<BulkCommitRequest>(body) {
                Ok(request) => self.commit_bulk(&workspace, &request).await,
                Err(e) => Ok(unreadable(&e)),
            },
            Verb::JobPause => self.told_job(&workspace, JobWord::Pause, &body).await,
            Verb::JobResume => self.told_job(&workspace, JobWord::Resume, &body).await,
            Verb::JobCancel => self.told_job(&workspace, JobWord::Cancel, &body).await,
            Verb::Resume => self.told(&workspace, Word::Resume, &body).await,
            Verb::Retry => self.told(&workspace, Word::Retry, &body).await,
            Verb::Cancel => self.told(&workspace, Word::Cancel, &body).await,
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
            let (mut runs, answer) = self.decide(workspace, &request, now).await?;
            turns::give(&self.store, &format!("{workspace} requests"), &mut runs, now).await?;
            let kept = serde_json::to_value(&answer).map_err(|e| corrupt(&request, &e))?;
            match self
                .store
                .create_runs(&runs, (workspace, &request.idempotency_key, &kept), now)
                .await
            {
                Ok(()) => {
                    info!(by = %request.requested_by, runs = runs.len(), "runs were created");
                    self.ledger.ring();
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
        let catalogue = self.store.catalogue(workspace, now).await?;
        let policies: Vec<PolicyId> = charges.iter().map(|charge| charge.policy.id).collect();
        let active: HashMap<PolicyId, RunId> = self.store.active_runs(&policies).await?.into_iter().collect();
        let charges: HashMap<&Hostname, &Charge> = charges
            .iter()
            .map(|charge| (&charge.policy.says.hostname, charge))
            .collect();
        let (mut runs, mut accepted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for hostname in request.hostnames.iter().filter(|hostname| seen.insert(*hostname)) {
            let charge = charges.get(hostname).copied();
            match self.one(charge, request, (&active, &catalogue), now) {
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
        let warning = self.warning(workspace, &runs, now).await?;
        Ok((
            runs,
            Answer::Renewal {
                accepted,
                refused,
                warning,
            },
        ))
    }

    /// What people ask for is not held for money: they are told.
    async fn warning(
        &self,
        workspace: &WorkspaceId,
        runs: &[NewRun],
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let live = runs.iter().filter(|run| run.head.mode == Mode::Live);
        let prices: Vec<Option<u64>> = live.map(|run| run.plan.choice.cost_micro_usd).collect();
        if prices.iter().all(|price| *price == Some(0)) {
            return Ok(None);
        }
        let budget = self.store.limited_budget(workspace, now).await?;
        Ok(budget.and_then(|budget| money::warning(&budget, &prices)))
    }

    fn one(
        &self,
        charge: Option<&Charge>,
        request: &RenewRequest,
        (active, catalogue): (&HashMap<PolicyId, RunId>, &Catalogue),
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
        let active = active.get(&charge.policy.id).copied();
        let (mut cooled_at, mut why) = (None, None);
        if request.despite_cooldown {
            why = judge::judge_despite_cooldown(charge, mode, active, now)?;
        } else if request.when_allowed {
            cooled_at = judge::judge_when_allowed(charge, mode, active, now)?;
        } else {
            judge::judge(charge, mode, active, now)?;
        }
        let asked = Asked {
            mode,
            trigger: request.trigger,
            by: request.requested_by.clone(),
            why,
            strategy: request.strategy.unwrap_or_default(),
            ladder: self.ladder.clone(),
            at_once: request.at_once,
            cooled_at,
        };
        compose::new_run(charge, &asked, catalogue, now)
    }

    async fn resolve(&self, workspace: &WorkspaceId, request: &ResolveRequest) -> Result<Answer, StoreError> {
        if let Err(refused) = check_person(&request.requested_by, request.note.as_deref()) {
            return Ok(rejected(refused));
        }
        let run_id = request.run_id;
        Ok(match self.ledger.resolve(workspace, request).await? {
            Ok(()) => Answer::Done { run_id },
            Err(refused) => rejected(refused),
        })
    }

    async fn probe(&self, workspace: &WorkspaceId, request: &ProbeRequest) -> Result<Answer, StoreError> {
        let (few, named) = (
            few_enough("hostnames", request.hostnames.len()),
            short("requested_by", &request.requested_by),
        );
        if let Err(refused) = few.and(named) {
            return Ok(rejected(refused));
        }
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

    async fn plan_bulk(&self, workspace: &WorkspaceId, request: BulkPlanRequest) -> Result<Answer, StoreError> {
        let (key, named) = (
            short("idempotency_key", &request.idempotency_key),
            short("requested_by", &request.requested_by),
        );
        match key.and(named) {
            Ok(()) => self.jobs.take(workspace, request).await,
            Err(refused) => Ok(rejected(refused)),
        }
    }

    async fn commit_bulk(&self, workspace: &WorkspaceId, request: &BulkCommitRequest) -> Result<Answer, StoreError> {
        match short("requested_by", &request.requested_by) {
            Ok(()) => self.jobs.commit(workspace, request).await,
            Err(refused) => Ok(rejected(refused)),
        }
    }

    async fn told_job(&self, workspace: &WorkspaceId, word: JobWord, body: &Value) -> Result<Answer, StoreError> {
        let request: JobRequest = match serde_json::from_value(body.clone()) {
            Ok(request) => request,
            Err(e) => return Ok(unreadable(&e)),
        };
        match check_person(&request.requested_by, request.note.as_deref()) {
            Ok(()) => self.jobs.tell(workspace, word, &request).await,
            Err(refused) => Ok(rejected(refused)),
        }
    }

    async fn told(&self, workspace: &WorkspaceId, word: Word, body: &Value) -> Result<Answer, StoreError> {
        if body.get("run_ids").is_some() {
            self.tell_many(workspace, word, body).await
        } else {
            self.tell_one(workspace, word, body).await
        }
    }

    async fn tell_one(&self, workspace: &WorkspaceId, word: Word, body: &Value) -> Result<Answer, StoreError> {
        let request: RunRequest = match serde_json::from_value(body.clone()) {
            Ok(request) => request,
            Err(e) => return Ok(unreadable(&e)),
        };
        let deed = match deed(word, request.requested_by, request.note) {
            Ok(deed) => deed,
            Err(refused) => return Ok(rejected(refused)),
        };
        let run_id = request.run_id;
        let refused = self.tell(workspace, &[run_id], &deed).await?;
        Ok(match refused.into_iter().next() {
            None => Answer::Done { run_id },
            Some((_, reason)) => rejected(reason),
        })
    }

    async fn tell_many(&self, workspace: &WorkspaceId, word: Word, body: &Value) -> Result<Answer, StoreError> {
        let request: RunsRequest = match serde_json::from_value(body.clone()) {
            Ok(request) => request,
            Err(e) => return Ok(unreadable(&e)),
        };
        let ids = request.run_ids;
        let deed = match few_enough("run_ids", ids.len()).and_then(|()| deed(word, request.requested_by, request.note))
        {
            Ok(deed) => deed,
            Err(refused) => return Ok(rejected(refused)),
        };
        let refused = self.tell(workspace, &ids, &deed).await?;
        let no: HashSet<RunId> = refused.iter().map(|(id, _)| *id).collect();
        Ok(Answer::Told {
            done: ids.into_iter().filter(|id| !no.contains(id)).collect(),
            refused: refused
                .into_iter()
                .map(|(run_id, reason)| RefusedRun { run_id, reason })
                .collect(),
        })
    }

    /// All in one transaction, or each in its own when one of them would be the second active run of its policy.
    async fn tell(
        &self,
        workspace: &WorkspaceId,
        ids: &[RunId],
        deed: &Deed,
    ) -> Result<Vec<(RunId, Invalid)>, StoreError> {
        match self.ledger.tell(workspace, ids, deed).await {
            Err(StoreError::Duplicate { .. }) => {}
            told => return told,
        }
        let mut refused = Vec::new();
        for id in ids {
            match self.ledger.tell(workspace, std::slice::from_ref(id), deed).await {
                Err(StoreError::Duplicate { .. }) => refused.push((*id, overtaken(*id))),
                told => refused.extend(told?),
            }
        }
        Ok(refused)
    }
}

fn overtaken(id: RunId) -> Invalid {
    let remedy = "look at that one: wait for its end, resume it or cancel it";
    let problem = format!("another run of the same policy has begun since {id}");
    Invalid::new("run_id", problem, remedy)
}

fn deed(word: Word, by: String, note: Option<String>) -> Result<Deed, Invalid> {
    check_person(&by, note.as_deref())?;
    let note = note.unwrap_or_default();
    Ok(Deed { word, by, note })
}

fn check_person(by: &str, note: Option<&str>) -> Result<(), Invalid> {
    short("requested_by", by)?;
    match note {
        Some(note) if note.len() > LONGEST_NOTE => {
            let problem = format!("it has {} characters", note.len());
            Err(Invalid::new("note", problem, format!("say it in {LONGEST_NOTE}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn short(field: &str, text: &str) -> Result<(), Invalid> {
    if (1..=200).contains(&text.len()) {
        return Ok(());
    }
    let remedy = "for example a UUID, or a name";
    Err(Invalid::new(field, "it must have 1 to 200 characters", remedy))
}

fn few_enough(field: &str, many: usize) -> Result<(), Invalid> {
    if (1..=MOST).contains(&many) {
        return Ok(());
    }
    let problem = format!("{many} are out of range");
    Err(Invalid::new(field, problem, format!("give 1 to {MOST} in one request")))
}

fn check(request: &RenewRequest) -> Result<(), Invalid> {
    few_enough("hostnames", request.hostnames.len())?;
    short("idempotency_key", &request.idempotency_key)?;
    short("requested_by", &request.requested_by)
}

fn addressed(subject: &str) -> Option<(WorkspaceId, Verb)> {
    let mut tokens = subject.strip_prefix("vigilo.request.")?.split('.');
    let workspace = tokens.next()?.parse().ok()?;
    let word = tokens.next()?;
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == word)?;
    tokens.next().is_none().then_some((workspace, verb))
}

fn rejected(reason: Invalid) -> Answer {
    Answer::Rejected { reason }
}

fn unreadable(error: &serde_json::Error) -> Answer {
    rejected(Invalid::new(
        "payload",
        error.to_string(),
        "send the JSON that shared/protocol/schema describes",
    ))
}

fn corrupt(request: &RenewRequest, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: "requests",
        id: request.idempotency_key.clone(),
        why: error.to_string(),
    }
}

//! A request to renew hosts: each becomes a run or a refusal, in one transaction with the answer.

use std::collections::HashSet;

use domain::job::Cooldown;
use domain::policy::NewPolicy;
use domain::run::Mode;
use domain::{Hostname, Invalid, Timestamp, WorkspaceId};
use protocol::request::{Accepted, Answer, Refused, RenewRequest};
use store::{AnsweredRequest, NewRun, StoreError};
use tracing::info;

use super::checks::few_enough;
use super::sender::Sender;
use super::{Intake, Refusal};
use crate::decide::compose;
use crate::decide::facts::Facts;
use crate::decide::wish::Wish;
use crate::decide::{judge, money, once};
use crate::ledger::positions;

impl Intake {
    pub(super) async fn renew(
        &self,
        sender: Sender,
        workspace: &WorkspaceId,
        request: RenewRequest,
    ) -> Result<Answer, Refusal> {
        few_enough("hostnames", request.hostnames.len())?;
        sender.may_renew(&request)?;
        let asked = ("renew", &request.hostnames, request.mode, request.strategy);
        loop {
            if let Some(given) = self.store.answered(workspace, &request.idempotency_key).await? {
                return Ok(once::read_answer(given, &asked).map_err(|e| corrupt(&request, &e))?);
            }
            let now = self.ledger.now();
            let (mut runs, answer) = self.decide(workspace, &request, now).await?;
            positions::assign(&self.store, &format!("{workspace} requests"), &mut runs, now).await?;
            let kept = once::answer_to_keep(&answer, &asked).map_err(|e| corrupt(&request, &e))?;
            let answered = AnsweredRequest {
                workspace,
                key: &request.idempotency_key,
                answer: &kept,
            };
            match self.store.create_runs(&runs, answered, now).await {
                Ok(()) => {
                    info!(by = %request.requested_by, runs = runs.len(), "runs were created");
                    self.ledger.ring();
                    return Ok(answer);
                }
                // Another request was faster, with the same key or the same policy: decide again on
                // what is true now.
                Err(StoreError::Duplicate { .. }) => {}
                Err(e) => return Err(e.into()),
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
        let facts = Facts::load(&self.store, workspace, &names, now).await?;
        let (mut runs, mut accepted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for hostname in request.hostnames.iter().filter(|hostname| seen.insert(*hostname)) {
            let hostname = hostname.clone();
            match self.run(&facts, &hostname, request) {
                Ok(run) => {
                    let run_id = run.head.id;
                    accepted.push(Accepted { hostname, run_id });
                    runs.push(run);
                }
                Err(reason) => refused.push(Refused { hostname, reason }),
            }
        }
        let warning = self.warning(workspace, &runs, now).await?;
        let answer = Answer::Renewal {
            accepted,
            refused,
            warning,
        };
        Ok((runs, answer))
    }

    fn run(&self, facts: &Facts, hostname: &Hostname, request: &RenewRequest) -> Result<NewRun, Invalid> {
        let known = facts.of(hostname.as_str()).ok_or(judge::Refused::NoPolicy)?;
        let wish = self.wish(request, &known.facts.policy.spec);
        let start = judge::judge(known, &wish, facts.now)?;
        compose::new_run(known.facts, &wish, &facts.catalogue, start)
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

    fn wish(&self, request: &RenewRequest, spec: &NewPolicy) -> Wish {
        let by_policy = if spec.dry_run_default { Mode::DryRun } else { Mode::Live };
        let cooldown = match (request.despite_cooldown, request.when_allowed) {
            (true, _) => Cooldown::Ignore,
            (false, true) => Cooldown::Schedule,
            (false, false) => Cooldown::LeaveOut,
        };
        Wish {
            mode: request.mode.unwrap_or(by_policy),
            trigger: request.trigger,
            by: request.requested_by.clone(),
            reasons: Vec::new(),
            strategy: request.strategy.unwrap_or_default(),
            ladder: self.ladder.clone(),
            at_once: request.at_once,
            cooldown,
            windows_of_job: Vec::new(),
        }
    }
}

fn corrupt(request: &RenewRequest, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: "requests",
        id: request.idempotency_key.clone(),
        why: error.to_string(),
    }
}

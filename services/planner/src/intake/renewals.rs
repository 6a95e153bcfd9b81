//! A request to renew hosts: each becomes a run or a refusal, in one transaction with the answer.

use std::collections::{HashMap, HashSet};

use domain::policy::PolicyFacts;
use domain::run::Mode;
use domain::{Hostname, Invalid, PolicyId, RunId, Timestamp, WorkspaceId};
use protocol::request::{Accepted, Answer, Refused, RenewRequest};
use store::{AnsweredRequest, NewRun, StoreError};
use tracing::info;

use super::checks::few_enough;
use super::sender::Sender;
use super::{Intake, Refusal};
use crate::decide::compose::{self, Asked};
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
        let wish = ("renew", &request.hostnames, request.mode, request.strategy);
        loop {
            if let Some(given) = self.store.answered(workspace, &request.idempotency_key).await? {
                return Ok(once::given(given, &wish).map_err(|e| corrupt(&request, &e))?);
            }
            let now = self.ledger.now();
            let (mut runs, answer) = self.decide(workspace, &request, now).await?;
            positions::assign(&self.store, &format!("{workspace} requests"), &mut runs, now).await?;
            let kept = once::kept(&answer, &wish).map_err(|e| corrupt(&request, &e))?;
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
                // Somebody was faster, with the same key or the same policy: decide again on what is true now.
                Err(StoreError::Duplicate { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Every hostname becomes a run or a refusal.
    #[expect(clippy::too_many_lines, reason = "what is loaded, then the decision for each host")]
    async fn decide(
        &self,
        workspace: &WorkspaceId,
        request: &RenewRequest,
        now: Timestamp,
    ) -> Result<(Vec<NewRun>, Answer), StoreError> {
        let names: Vec<String> = request.hostnames.iter().map(ToString::to_string).collect();
        let policy_facts = self.store.policy_facts(workspace, &names).await?;
        let catalogue = self.store.catalogue(workspace, now).await?;
        let policies: Vec<PolicyId> = policy_facts.iter().map(|facts| facts.policy.id).collect();
        let active: HashMap<PolicyId, RunId> = self.store.active_runs(&policies).await?.into_iter().collect();
        let policy_facts: HashMap<&Hostname, &PolicyFacts> = policy_facts
            .iter()
            .map(|facts| (&facts.policy.spec.hostname, facts))
            .collect();
        let (mut runs, mut accepted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for hostname in request.hostnames.iter().filter(|hostname| seen.insert(*hostname)) {
            let facts = policy_facts.get(hostname).copied();
            let made = self
                .asked(facts, request, &active, now)
                .and_then(|(facts, asked)| compose::new_run(facts, &asked, &catalogue, now));
            match made {
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

    /// What is asked of this policy, when nothing is against it now.
    fn asked<'a>(
        &self,
        facts: Option<&'a PolicyFacts>,
        request: &RenewRequest,
        active: &HashMap<PolicyId, RunId>,
        now: Timestamp,
    ) -> Result<(&'a PolicyFacts, Asked), Invalid> {
        let remedy = "add one first: vigilo policy add";
        let facts = facts.ok_or_else(|| Invalid::new("hostname", "it has no active policy", remedy))?;
        let by_policy = if facts.policy.spec.dry_run_default {
            Mode::DryRun
        } else {
            Mode::Live
        };
        let mode = request.mode.unwrap_or(by_policy);
        let active = active.get(&facts.policy.id).copied();
        let (mut cooled_at, mut why) = (None, None);
        if request.despite_cooldown {
            why = judge::judge_despite_cooldown(facts, mode, active, now)?;
        } else if request.when_allowed {
            cooled_at = judge::judge_when_allowed(facts, mode, active, now)?;
        } else {
            judge::judge(facts, mode, active, now)?;
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
        Ok((facts, asked))
    }
}

fn corrupt(request: &RenewRequest, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: "requests",
        id: request.idempotency_key.clone(),
        why: error.to_string(),
    }
}

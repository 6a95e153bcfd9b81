//! What becomes of one policy that is due: its run, or the named reason why there is none. Pure.

use std::collections::HashMap;
use std::time::Duration;

use domain::budget::Budget;
use domain::plan::Strategy;
use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::run::{Mode, Trigger};
use domain::{PolicyId, RunId, Timestamp};
use store::{Judgement, NewRun, ToJudge};
use tracing::warn;

use super::{REFUSED, Schedule};
use crate::decide::compose::{self, Asked};
use crate::decide::judge;
use crate::decide::money::{self, Pressed, Verdict};

const SHORTEST: Duration = Duration::from_secs(10);

/// What is due of one workspace, by hostname.
pub(super) type Wanted = HashMap<String, Wish>;

/// Why it is due, and what is served meanwhile.
pub(super) struct Wish {
    pub why: String,
    pub served: Option<Pressed>,
}

/// What decides about the runs of one workspace.
pub(super) struct Terms<'a> {
    pub catalogue: &'a Catalogue,
    pub active: &'a HashMap<PolicyId, RunId>,
    pub now: Timestamp,
}

impl Schedule {
    pub(super) fn decide(
        &self,
        facts: &PolicyFacts,
        wish: &Wish,
        terms: &Terms<'_>,
        budget: Option<&mut Budget>,
    ) -> (Option<NewRun>, Judgement) {
        let (policy, now, due) = (facts.policy.id, terms.now, &wish.why);
        let said = |judge_at, why, waits_for_budget| Judgement {
            policy,
            due_at: Some(now),
            judge_at,
            why,
            waits_for_budget,
        };
        let again = now.plus(wait(wish.served));
        let allowed = judge::judge(facts, Mode::Live, terms.active.get(&policy).copied(), now);
        let composed = allowed.and_then(|()| compose::new_run(facts, &self.asked(due), terms.catalogue, now));
        let mut run = match composed {
            Ok(run) => run,
            Err(refused) => {
                let against = format!(
                    "{due}; refused: {} {}; {}",
                    refused.field, refused.problem, refused.remedy
                );
                return (None, said(again, against, false));
            }
        };
        let price = run.plan.choice.cost_micro_usd;
        match budget.map(|budget| money::judge(budget, price, wish.served, now)) {
            None | Some(Verdict::Fits) => (Some(run), said(again, due.clone(), false)),
            Some(Verdict::Beyond { why: beyond }) => {
                let why = format!("{due}; {beyond}");
                warn!(host = %run.head.hostname, why, "a renewal goes beyond the month's budget");
                run.plan.why_now = Some(match run.plan.why_now {
                    Some(before) => format!("{before}; {beyond}"),
                    None => beyond,
                });
                (Some(run), said(again, why, false))
            }
            Some(Verdict::Waits { why, until }) => (None, said(until.min(again), format!("{due}; {why}"), true)),
        }
    }

    fn asked(&self, why: &str) -> Asked {
        Asked {
            mode: Mode::Live,
            trigger: Trigger::Schedule,
            by: "schedule".to_owned(),
            why: Some(why.to_owned()),
            strategy: Strategy::PolicyDefault,
            ladder: self.ladder.clone(),
            at_once: false,
            cooled_at: None,
        }
    }
}

/// Until it is judged again what is due and has its run, or cannot have one.
fn wait(served: Option<Pressed>) -> Duration {
    let life = served.map(|served| served.until.since(served.from));
    life.map_or(REFUSED, |life| REFUSED.min(life / 10).max(SHORTEST))
}

pub(super) fn pressed(one: &ToJudge) -> Option<Pressed> {
    let called = one.called;
    one.served.map(|(from, until)| Pressed { from, until, called })
}

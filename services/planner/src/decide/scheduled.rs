//! What becomes of one policy that is due: its run, or the named reason why there is none. Pure.
//!
//! In: the facts of the policy, why it is due, the month's budget. Out: a run, and when the policy is judged again. Never: a run
//! that something speaks against.

use std::collections::HashMap;
use std::time::Duration;

use domain::backoff::Ladder;
use domain::budget::Budget;
use domain::job::Cooldown;
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use domain::{Invalid, Timestamp};
use store::{Judgement, NewRun, ToJudge};
use tracing::warn;

use crate::decide::choose;
use crate::decide::compose::{Chosen, Draft};
use crate::decide::facts::{Facts, KnownPolicy};
use crate::decide::judge::judge;
use crate::decide::money::{self, Pressed, Verdict};
use crate::decide::wish::Wish;

/// Between a policy that was due and could not run, and the next look at it; less where the certificate lives short.
const REFUSED: Duration = Duration::from_secs(3600);
const SHORTEST: Duration = Duration::from_secs(10);

/// What is due of one workspace, by hostname.
pub(crate) type DueRenewals = HashMap<String, DueRenewal>;

/// Why it is due, and what is served meanwhile.
pub(crate) struct DueRenewal {
    pub why: String,
    pub served: Option<Pressed>,
}

/// What decides about the runs of one workspace.
pub(crate) struct Terms<'a> {
    pub facts: &'a Facts,
    /// How failures of new runs are tried again.
    pub ladder: &'a Ladder,
}

/// The judgement of a policy that is due now.
struct Judged<'a> {
    known: KnownPolicy<'a>,
    due: &'a DueRenewal,
    now: Timestamp,
}

impl Judged<'_> {
    /// What is said of the policy, and judged again after a while.
    fn judgement(&self, why: String) -> Judgement {
        Judgement {
            policy: self.known.facts.policy.id,
            due_at: Some(self.now),
            judge_at: self.now.plus(wait(self.due.served)),
            why,
            waits_for_budget: false,
        }
    }
}

pub(crate) fn decide(
    known: KnownPolicy<'_>,
    due: &DueRenewal,
    terms: &Terms<'_>,
    budget: Option<&mut Budget>,
) -> (Option<NewRun>, Judgement) {
    let now = terms.facts.now;
    let judged = Judged { known, due, now };
    let draft = match draft(known, due, terms) {
        Ok(draft) => draft,
        Err(refused) => {
            let Invalid { field, problem, remedy } = refused;
            let against = format!("{}; refused: {field} {problem}; {remedy}", due.why);
            return (None, judged.judgement(against));
        }
    };
    let price = draft.plan().choice.cost_micro_usd;
    match budget.map(|budget| money::judge(budget, price, due.served, now)) {
        None | Some(Verdict::Fits) => (Some(draft.queue()), judged.judgement(due.why.clone())),
        Some(Verdict::Beyond { why: beyond }) => {
            let why = format!("{}; {beyond}", due.why);
            warn!(host = %draft.head().hostname, why, "a renewal goes beyond the month's budget");
            (Some(draft.with_reason(&beyond).queue()), judged.judgement(why))
        }
        Some(Verdict::Waits { why, until }) => {
            let said = judged.judgement(format!("{}; {why}", due.why));
            let waiting = Judgement {
                judge_at: until.min(said.judge_at),
                waits_for_budget: true,
                ..said
            };
            (None, waiting)
        }
    }
}

fn draft(known: KnownPolicy<'_>, due: &DueRenewal, terms: &Terms<'_>) -> Result<Draft, Invalid> {
    let wish = wish(&due.why, terms.ladder);
    let start = judge(known, &wish, terms.facts.now)?;
    let chosen = Chosen::of(known.facts, &terms.facts.catalogue, wish.strategy);
    let chosen = chosen.map_err(|all| choose::refusal(&all))?;
    Ok(Draft::of(known.facts, &wish, chosen, start))
}

fn wish(why: &str, ladder: &Ladder) -> Wish {
    Wish {
        mode: Mode::Live,
        trigger: Trigger::Schedule,
        by: "schedule".to_owned(),
        reasons: vec![why.to_owned()],
        strategy: Strategy::PolicyDefault,
        ladder: ladder.clone(),
        at_once: false,
        cooldown: Cooldown::LeaveOut,
        windows_of_job: Vec::new(),
    }
}

/// Until it is judged again what is due and has its run, or cannot have one.
fn wait(served: Option<Pressed>) -> Duration {
    let life = served.map(|served| served.until.since(served.from));
    life.map_or(REFUSED, |life| REFUSED.min(life / 10).max(SHORTEST))
}

pub(crate) fn pressed(one: &ToJudge) -> Option<Pressed> {
    let called = one.called;
    one.served.map(|(from, until)| Pressed { from, until, called })
}

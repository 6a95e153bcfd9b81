//! Whether a host is in a plan, at which CA, at what price and when; or the named reason why not. Pure.

pub(crate) mod quotas;

use domain::Timestamp;
use domain::backoff::Ladder;
use domain::job::{Cap, Decision, Included, Job, JobSpec, LeftOut};
use domain::plan::Choice;
use domain::run::{Because, Mode, RunState, Trigger};
use domain::window::both_open;
use store::NewRun;

use self::quotas::Quotas;
use crate::decide::compose::{Chosen, Draft};
use crate::decide::facts::{Facts, KnownPolicy};
use crate::decide::judge::{Refused, Start, judge};
use crate::decide::wish::Wish;

/// Between windows of the job, windows of the host and limits of the CA a common instant is sought so often.
const TRIES: usize = 64;
const COOLDOWN: &str = "the cooldown of the policy";

/// What the record knows of one of the chosen names.
#[derive(Clone, Copy)]
pub(crate) enum KnownName<'a> {
    Policy(KnownPolicy<'a>),
    /// A host without an active policy.
    HostAlone,
    Nothing,
}

/// What holds for every host of the plan.
pub(crate) struct Terms<'a> {
    pub job: &'a Job,
    pub ladder: &'a Ladder,
    pub facts: &'a Facts,
}

/// What earlier lines of the plan have left.
pub(crate) struct Left {
    /// Of the job's own budget, and of the month's.
    pub budgets: Vec<(Cap, u64)>,
    pub quotas: Quotas,
}

/// When the run of a line begins, and what makes it begin later than the job.
struct Slot {
    at: Timestamp,
    waits_for: Option<String>,
}

impl Slot {
    fn of(start: Start) -> Self {
        Self {
            at: start.begins_at(),
            waits_for: start.cooled_at.map(|_| COOLDOWN.to_owned()),
        }
    }
}

impl Terms<'_> {
    fn spec(&self) -> &JobSpec {
        &self.job.spec
    }

    fn start(&self) -> Timestamp {
        let now = self.facts.now;
        self.spec().start_at.map_or(now, |at| at.max(now))
    }

    fn too_late(&self, at: Timestamp) -> bool {
        self.spec().ends_at.is_some_and(|end| at >= end)
    }

    fn wish(&self) -> Wish {
        let spec = self.spec();
        Wish {
            mode: spec.mode,
            trigger: Trigger::Bulk,
            by: self.job.requested_by.clone(),
            reasons: spec.reason.iter().cloned().collect(),
            strategy: spec.strategy,
            ladder: self.ladder.clone(),
            at_once: false,
            cooldown: spec.cooldown,
            windows_of_job: spec.windows.clone(),
        }
    }
}

pub(crate) fn decide(name: KnownName<'_>, terms: &Terms<'_>, left: &mut Left) -> (Decision, Option<NewRun>) {
    match try_include(name, terms, left) {
        Ok((included, run)) => (Decision::Included(Box::new(included)), Some(run)),
        Err(why) => (Decision::LeftOut(why), None),
    }
}

fn try_include(name: KnownName<'_>, terms: &Terms<'_>, left: &mut Left) -> Result<(Included, NewRun), LeftOut> {
    let known = match name {
        KnownName::Policy(known) => known,
        KnownName::HostAlone => return Err(LeftOut::NoPolicy),
        KnownName::Nothing => return Err(LeftOut::UnknownHost),
    };
    let wish = terms.wish();
    let start = allowed(known, &wish, terms)?;
    let chosen = Chosen::of(known.facts, &terms.facts.catalogue, wish.strategy);
    let draft = Draft::of(
        known.facts,
        &wish,
        chosen.map_err(|lost| LeftOut::NoProvider { lost })?,
        start,
    );
    let slot = match wish.mode {
        Mode::Live => {
            let slot = in_time(&draft, Slot::of(start), terms, &left.quotas)?;
            pay(&draft, left)?;
            left.quotas.take(&draft.head().workspace, draft.plan(), slot.at);
            slot
        }
        Mode::DryRun => Slot::of(start),
    };
    let included = Included {
        choice: priced(&draft.plan().choice, wish.mode),
        start_at: slot.at,
        waits_for: slot.waits_for.clone(),
        despite: start.despite.map(|_| COOLDOWN.to_owned()),
    };
    Ok((included, queued(draft, slot, terms.facts.now)))
}

/// A run that begins as the plan shows it.
fn queued(draft: Draft, slot: Slot, now: Timestamp) -> NewRun {
    let draft = match &slot.waits_for {
        Some(limit) => draft.with_reason(&format!("planned for {}: {limit}", slot.at)),
        None => draft,
    };
    let state = if slot.at > now {
        RunState::queued_until(draft.plan(), slot.at, Because::Planned)
    } else {
        RunState::queued(draft.plan(), slot.at)
    };
    draft.queue_as(state)
}

/// A rehearsal has nothing issued: it costs nothing, whatever the CA charges.
fn priced(choice: &Choice, mode: Mode) -> Choice {
    let cost_micro_usd = match mode {
        Mode::Live => choice.cost_micro_usd,
        Mode::DryRun => Some(0),
    };
    Choice {
        cost_micro_usd,
        ..choice.clone()
    }
}

/// A cooldown is waited for only where it ends before the job does.
fn allowed(known: KnownPolicy<'_>, wish: &Wish, terms: &Terms<'_>) -> Result<Start, LeftOut> {
    let start = judge(known, wish, terms.start()).map_err(left_out)?;
    match start.cooled_at {
        Some(until) if terms.too_late(until) => Err(LeftOut::Cooldown { until }),
        Some(_) | None => Ok(start),
    }
}

fn left_out(refused: Refused) -> LeftOut {
    match refused {
        Refused::NoPolicy => LeftOut::NoPolicy,
        Refused::Infeasible(why) => LeftOut::Infeasible { why },
        Refused::ActiveRun(run_id) => LeftOut::ActiveRun { run_id },
        Refused::Cooldown { until, .. } => LeftOut::Cooldown { until },
    }
}

/// The first instant at which the job's windows and the host's are open and the CA's limits have room.
fn in_time(draft: &Draft, mut slot: Slot, terms: &Terms<'_>, quotas: &Quotas) -> Result<Slot, LeftOut> {
    for _ in 0..TRIES {
        let opens = both_open(&terms.spec().windows, &draft.plan().windows, slot.at);
        let Some(opens) = opens.filter(|at| !terms.too_late(*at)) else {
            return Err(LeftOut::Window { opens_at: opens });
        };
        if opens > slot.at {
            slot = Slot {
                at: opens,
                waits_for: Some("a maintenance window".to_owned()),
            };
        }
        let free = quotas.slot(&draft.head().workspace, draft.plan(), slot.at);
        let Some(limit) = free.binding else {
            return Ok(slot);
        };
        if terms.too_late(free.at) {
            return Err(LeftOut::Quota { limit, until: free.at });
        }
        slot = Slot {
            at: free.at,
            waits_for: Some(limit),
        };
    }
    Err(LeftOut::Window { opens_at: None })
}

/// Takes the price from what the budgets have left: from all or from none, and the tightest is named. A price that is not
/// known fits into no budget, and what is free into every one.
fn pay(draft: &Draft, left: &mut Left) -> Result<(), LeftOut> {
    let cost = draft.plan().choice.cost_micro_usd;
    let tightest = left.budgets.iter().copied().min_by_key(|(_, rest)| *rest);
    let Some((cap, left_micro_usd)) = tightest else {
        return Ok(());
    };
    let Some(price) = cost.filter(|price| *price <= left_micro_usd) else {
        return Err(LeftOut::Budget {
            cost_micro_usd: cost,
            left_micro_usd,
            cap,
        });
    };
    for (_, rest) in &mut left.budgets {
        *rest -= price;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

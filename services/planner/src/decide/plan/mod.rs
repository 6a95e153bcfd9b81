//! Whether a host is in a plan, at which CA, at what price and when; or the named reason why not. Pure.

pub(crate) mod quotas;

use domain::backoff::Ladder;
use domain::job::{Cap, Cooldown, Decision, Included, Job, JobSpec, LeftOut};
use domain::plan::Choice;
use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::run::{Because, Mode, RunState, Trigger};
use domain::window::both_open;
use domain::{RunId, Timestamp};
use store::NewRun;

use self::quotas::Quotas;
use crate::decide::compose::{self, Asked, Chosen};
use crate::decide::judge;

/// Between windows of the job, windows of the host and limits of the CA a common instant is sought so often.
const TRIES: usize = 64;
const COOLDOWN: &str = "the cooldown of the policy";

/// What the record knows of one of the chosen names.
#[derive(Clone, Copy)]
pub(crate) enum KnownName<'a> {
    /// Its policy, and the live run of it that has not ended.
    Policy(&'a PolicyFacts, Option<RunId>),
    /// A host without an active policy.
    HostAlone,
    Nothing,
}

/// What holds for every host of the plan.
pub(crate) struct Terms<'a> {
    pub job: &'a Job,
    pub ladder: &'a Ladder,
    pub catalogue: &'a Catalogue,
    pub now: Timestamp,
}

/// What earlier lines of the plan have left.
pub(crate) struct Left {
    /// Of the job's own budget, and of the month's.
    pub budgets: Vec<(Cap, u64)>,
    pub quotas: Quotas,
}

/// When a run begins, and what makes it begin later than the job.
struct Start {
    at: Timestamp,
    waits_for: Option<String>,
    /// The cooldown that it passes over ends then.
    despite: Option<Timestamp>,
}

impl Start {
    fn at(at: Timestamp) -> Self {
        Self {
            at,
            waits_for: None,
            despite: None,
        }
    }
}

impl Terms<'_> {
    fn spec(&self) -> &JobSpec {
        &self.job.spec
    }

    fn start(&self) -> Timestamp {
        self.spec().start_at.map_or(self.now, |at| at.max(self.now))
    }

    fn too_late(&self, at: Timestamp) -> bool {
        self.spec().ends_at.is_some_and(|end| at >= end)
    }

    fn asked(&self, start: &Start) -> Asked {
        let reasons = [self.spec().reason.clone(), start.despite.map(judge::passed_over)];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        Asked {
            mode: self.spec().mode,
            trigger: Trigger::Bulk,
            by: self.job.requested_by.clone(),
            why: (!reasons.is_empty()).then(|| reasons.join("; ")),
            strategy: self.spec().strategy,
            ladder: self.ladder.clone(),
            at_once: false,
            cooled_at: None,
        }
    }
}

pub(crate) fn decide(seen: KnownName<'_>, terms: &Terms<'_>, left: &mut Left) -> (Decision, Option<NewRun>) {
    match try_include(seen, terms, left) {
        Ok((included, run)) => (Decision::Included(Box::new(included)), Some(run)),
        Err(why) => (Decision::LeftOut(why), None),
    }
}

fn try_include(seen: KnownName<'_>, terms: &Terms<'_>, left: &mut Left) -> Result<(Included, NewRun), LeftOut> {
    let (facts, active) = match seen {
        KnownName::Policy(facts, active) => (facts, active),
        KnownName::HostAlone => return Err(LeftOut::NoPolicy),
        KnownName::Nothing => return Err(LeftOut::UnknownHost),
    };
    facts.policy.spec.check().map_err(|why| LeftOut::Infeasible { why })?;
    let start = allowed(facts, active, terms)?;
    let chosen =
        Chosen::of(facts, terms.catalogue, terms.spec().strategy).map_err(|lost| LeftOut::NoProvider { lost })?;
    let mut run = compose::run_with(facts, &terms.asked(&start), chosen, start.at);
    let start = match terms.spec().mode {
        Mode::Live => {
            let start = in_time(&run, start, terms, &left.quotas)?;
            pay(&run, left)?;
            left.quotas.take(&run.head.workspace, &run.plan, start.at);
            start
        }
        Mode::DryRun => start,
    };
    run.plan.windows_of_job.clone_from(&terms.spec().windows);
    if let Some(limit) = &start.waits_for {
        let planned = format!("planned for {}: {limit}", start.at);
        let before = run.plan.why_now.take();
        run.plan.why_now = Some(before.into_iter().chain([planned]).collect::<Vec<_>>().join("; "));
    }
    run.state = if start.at > terms.now {
        RunState::queued_until(&run.plan, start.at, Because::Planned)
    } else {
        RunState::queued(&run.plan, start.at)
    };
    let included = Included {
        choice: shown(&run.plan.choice, terms.spec().mode),
        start_at: start.at,
        waits_for: start.waits_for,
        despite: start.despite.map(|_| COOLDOWN.to_owned()),
    };
    Ok((included, run))
}

/// A rehearsal has nothing issued: it costs nothing, whatever the CA charges.
fn shown(choice: &Choice, mode: Mode) -> Choice {
    let cost_micro_usd = match mode {
        Mode::Live => choice.cost_micro_usd,
        Mode::DryRun => Some(0),
    };
    Choice {
        cost_micro_usd,
        ..choice.clone()
    }
}

/// A dry run is free of company and cooldown.
fn allowed(facts: &PolicyFacts, active: Option<RunId>, terms: &Terms<'_>) -> Result<Start, LeftOut> {
    let at = terms.start();
    match terms.spec().mode {
        Mode::DryRun => return Ok(Start::at(at)),
        Mode::Live => {}
    }
    if let Some(run_id) = active {
        return Err(LeftOut::ActiveRun { run_id });
    }
    match (judge::cooled_at(facts, at), terms.spec().cooldown) {
        (None, _) => Ok(Start::at(at)),
        (Some(until), Cooldown::Ignore) => Ok(Start {
            despite: Some(until),
            ..Start::at(at)
        }),
        (Some(until), Cooldown::Schedule) if !terms.too_late(until) => Ok(Start {
            waits_for: Some(COOLDOWN.to_owned()),
            ..Start::at(until)
        }),
        (Some(until), Cooldown::Schedule | Cooldown::LeaveOut) => Err(LeftOut::Cooldown { until }),
    }
}

/// The first instant at which the job's windows and the host's are open and the CA's limits have room.
fn in_time(run: &NewRun, mut start: Start, terms: &Terms<'_>, quotas: &Quotas) -> Result<Start, LeftOut> {
    for _ in 0..TRIES {
        let opens = both_open(&terms.spec().windows, &run.plan.windows, start.at);
        let Some(opens) = opens.filter(|at| !terms.too_late(*at)) else {
            return Err(LeftOut::Window { opens_at: opens });
        };
        if opens > start.at {
            start = Start {
                at: opens,
                waits_for: Some("a maintenance window".to_owned()),
                ..start
            };
        }
        let slot = quotas.slot(&run.head.workspace, &run.plan, start.at);
        let Some(limit) = slot.binding else {
            return Ok(start);
        };
        if terms.too_late(slot.at) {
            return Err(LeftOut::Quota { limit, until: slot.at });
        }
        start = Start {
            at: slot.at,
            waits_for: Some(limit),
            ..start
        };
    }
    Err(LeftOut::Window { opens_at: None })
}

/// Takes the price from what the budgets have left: from all or from none, and the tightest is named. A price that is not
/// known fits into no budget, and what is free into every one.
fn pay(run: &NewRun, left: &mut Left) -> Result<(), LeftOut> {
    let cost = run.plan.choice.cost_micro_usd;
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

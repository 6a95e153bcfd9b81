//! Whether a host is in a plan, at which CA, at what price and when; or the named reason why not. Pure.

use domain::backoff::Ladder;
use domain::job::{Cooldown, Decision, Included, Job, JobSpec, LeftOut};
use domain::policy::Charge;
use domain::provider::Catalogue;
use domain::run::{Because, Mode, RunState, Trigger};
use domain::{RunId, Timestamp};
use store::NewRun;

use crate::compose::{self, Asked, Chosen};
use crate::judge;

/// What the record knows of one of the chosen names.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    /// Its policy, and the live run of it that has not ended.
    Charge(&'a Charge, Option<RunId>),
    /// A host without an active policy.
    HostAlone,
    Nothing,
}

/// What holds for every host of the plan.
pub(super) struct Terms<'a> {
    pub job: &'a Job,
    pub ladder: &'a Ladder,
    pub catalogue: &'a Catalogue,
    pub now: Timestamp,
}

/// What earlier lines of the plan have left.
pub(super) struct Left {
    budget_micro_usd: Option<u64>,
}

impl Left {
    pub(super) fn of(job: &Job) -> Self {
        let spent = job.totals.cost_micro_usd;
        Self {
            budget_micro_usd: job.spec.budget_micro_usd.map(|cap| cap.saturating_sub(spent)),
        }
    }
}

/// When a run begins, and what makes it begin later than the job.
struct Start {
    at: Timestamp,
    waits_for: Option<String>,
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

    fn asked(&self) -> Asked {
        Asked {
            mode: self.spec().mode,
            trigger: Trigger::Bulk,
            by: self.job.requested_by.clone(),
            why: self.spec().reason.clone(),
            strategy: self.spec().strategy,
            ladder: self.ladder.clone(),
            at_once: false,
            cooled_at: None,
        }
    }
}

pub(super) fn decide(seen: Seen<'_>, terms: &Terms<'_>, left: &mut Left) -> (Decision, Option<NewRun>) {
    match try_include(seen, terms, left) {
        Ok((included, run)) => (Decision::Included(included), Some(run)),
        Err(why) => (Decision::LeftOut(why), None),
    }
}

fn try_include(seen: Seen<'_>, terms: &Terms<'_>, left: &mut Left) -> Result<(Included, NewRun), LeftOut> {
    let (charge, active) = match seen {
        Seen::Charge(charge, active) => (charge, active),
        Seen::HostAlone => return Err(LeftOut::NoPolicy),
        Seen::Nothing => return Err(LeftOut::UnknownHost),
    };
    charge.policy.says.check().map_err(|why| LeftOut::Infeasible { why })?;
    let mut start = begin(charge, active, terms)?;
    let chosen =
        Chosen::of(charge, terms.catalogue, terms.spec().strategy).map_err(|lost| LeftOut::NoProvider { lost })?;
    let mut run = compose::run_with(charge, &terms.asked(), chosen, start.at);
    if let Some(opens_at) = run.state.window_opens_at() {
        if terms.too_late(opens_at) {
            let opens_at = Some(opens_at);
            return Err(LeftOut::Window { opens_at });
        }
        start = Start {
            at: opens_at,
            waits_for: Some("maintenance window".to_owned()),
        };
    } else if start.at > terms.now {
        run.state = RunState::queued_until(&run.plan, start.at, Because::Planned);
    }
    pay(&run, terms.spec().mode, left)?;
    let included = Included {
        choice: run.plan.choice.clone(),
        start_at: start.at,
        waits_for: start.waits_for,
    };
    Ok((included, run))
}

/// A dry run is free of company and cooldown.
fn begin(charge: &Charge, active: Option<RunId>, terms: &Terms<'_>) -> Result<Start, LeftOut> {
    let (at, waits_for) = (terms.start(), None);
    match terms.spec().mode {
        Mode::DryRun => return Ok(Start { at, waits_for }),
        Mode::Live => {}
    }
    if let Some(run_id) = active {
        return Err(LeftOut::ActiveRun { run_id });
    }
    match judge::cooled_down_at(charge).filter(|until| *until > at) {
        None => Ok(Start { at, waits_for }),
        Some(until) => match terms.spec().cooldown {
            Cooldown::Schedule if !terms.too_late(until) => Ok(Start {
                at: until,
                waits_for: Some("cooldown of the policy".to_owned()),
            }),
            Cooldown::Schedule | Cooldown::LeaveOut => Err(LeftOut::Cooldown { until }),
        },
    }
}

/// Takes the price from what the budget has left. A price that is not known fits into no budget.
fn pay(run: &NewRun, mode: Mode, left: &mut Left) -> Result<(), LeftOut> {
    let (Some(budget), Mode::Live) = (&mut left.budget_micro_usd, mode) else {
        return Ok(());
    };
    let cost = run.plan.choice.cost_micro_usd;
    match cost.and_then(|cost| budget.checked_sub(cost)) {
        Some(rest) => {
            *budget = rest;
            Ok(())
        }
        None => Err(LeftOut::Budget {
            cost_micro_usd: cost,
            left_micro_usd: *budget,
        }),
    }
}

//! Which policies may run, from when on, and the named reason of every other. Pure.

use std::time::Duration;

use domain::job::Cooldown;
use domain::policy::PolicyFacts;
use domain::run::Mode;
use domain::{Invalid, RunId, Timestamp};

use crate::decide::facts::KnownPolicy;
use crate::decide::wish::Wish;

/// A run may be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// When it is asked for.
    pub asked_at: Timestamp,
    /// The policy's cooldown ends then, and the run waits for that.
    pub cooled_at: Option<Timestamp>,
    /// The cooldown that it does not wait for ends then.
    pub despite: Option<Timestamp>,
}

impl Start {
    pub(crate) fn at(asked_at: Timestamp) -> Self {
        Self {
            asked_at,
            cooled_at: None,
            despite: None,
        }
    }

    /// Not before this instant it begins.
    pub(crate) fn begins_at(&self) -> Timestamp {
        self.cooled_at.unwrap_or(self.asked_at)
    }
}

/// Why there is no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    NoPolicy,
    /// The policy cannot work as it is.
    Infeasible(Invalid),
    ActiveRun(RunId),
    Cooldown {
        last: Timestamp,
        until: Timestamp,
        seconds: u32,
    },
}

/// Whether a run may be created for this wish. A dry run is free of cooldown and of other runs.
pub(crate) fn judge(known: KnownPolicy<'_>, wish: &Wish, now: Timestamp) -> Result<Start, Refused> {
    known.facts.policy.spec.check().map_err(Refused::Infeasible)?;
    match wish.mode {
        Mode::DryRun => return Ok(Start::at(now)),
        Mode::Live => {}
    }
    if let Some(run) = known.active {
        return Err(Refused::ActiveRun(run));
    }
    let start = Start::at(now);
    match (in_cooldown(known.facts, now), wish.cooldown) {
        (None, _) => Ok(start),
        (Some(cooldown), Cooldown::LeaveOut) => Err(cooldown.refused()),
        (Some(cooldown), Cooldown::Schedule) => Ok(Start {
            cooled_at: Some(cooldown.until),
            ..start
        }),
        (Some(cooldown), Cooldown::Ignore) => Ok(Start {
            despite: Some(cooldown.until),
            ..start
        }),
    }
}

/// The words for a cooldown that is not waited for.
pub(crate) fn passed_over(until: Timestamp) -> String {
    format!("asked for despite the cooldown of the policy, which ends at {until}")
}

struct InCooldown {
    last: Timestamp,
    until: Timestamp,
    seconds: u32,
}

impl InCooldown {
    fn refused(self) -> Refused {
        let Self { last, until, seconds } = self;
        Refused::Cooldown { last, until, seconds }
    }
}

/// The cooldown after the last live run, if it has not ended.
fn in_cooldown(facts: &PolicyFacts, now: Timestamp) -> Option<InCooldown> {
    let (last, seconds) = (facts.last_live_at?, facts.policy.spec.cooldown_seconds);
    let until = last.plus(Duration::from_secs(u64::from(seconds)));
    (until > now).then_some(InCooldown { last, until, seconds })
}

impl From<Refused> for Invalid {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoPolicy => Self::new(
                "hostname",
                "it has no active policy",
                "add one first: vigilo policy add",
            ),
            Refused::Infeasible(why) => why,
            Refused::ActiveRun(run) => Self::new(
                "hostname",
                format!("run {run} of this policy has not ended"),
                "wait for its end or cancel it; when it asks, or waits for its next try, it can be resumed",
            ),
            Refused::Cooldown { last, until, seconds } => Self::new(
                "cooldown_seconds",
                format!("the last live run began at {last} and the policy has a cooldown of {seconds} s"),
                format!(
                    "ask again after {until}, or with when_allowed (vigilo renew --when-allowed), or make a dry run"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::backoff::Ladder;
    use domain::plan::Strategy;
    use domain::run::Trigger;

    use super::*;

    fn facts(cooldown: u32, last: Option<i64>) -> PolicyFacts {
        PolicyFacts {
            last_live_at: last.and_then(Timestamp::from_unix),
            ..samples::policy_facts(serde_json::json!({"cooldown_seconds": cooldown}))
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    fn wish(mode: Mode, cooldown: Cooldown) -> Wish {
        Wish {
            mode,
            trigger: Trigger::Operator,
            by: "ann".to_owned(),
            reasons: Vec::new(),
            strategy: Strategy::default(),
            ladder: Ladder::default(),
            at_once: false,
            cooldown,
            windows_of_job: Vec::new(),
        }
    }

    fn judged(facts: &PolicyFacts, active: Option<RunId>, wish: &Wish, now: i64) -> Result<Start, Refused> {
        judge(KnownPolicy { facts, active }, wish, at(now))
    }

    #[test]
    fn a_cooldown_is_refused_with_the_time_when_it_ends() {
        let (resting, wish) = (facts(3600, Some(1_000)), wish(Mode::Live, Cooldown::LeaveOut));
        let refused = judged(&resting, None, &wish, 1_060).expect_err("inside the cooldown");
        let (last, until, seconds) = (at(1_000), at(4_600), 3600);
        assert_eq!(refused, Refused::Cooldown { last, until, seconds });
        let said = Invalid::from(refused);
        assert_eq!(said.field, "cooldown_seconds");
        assert!(said.remedy.contains("1970-01-01T01:16:40Z"), "{}", said.remedy);
        assert_eq!(judged(&resting, None, &wish, 4_600), Ok(Start::at(at(4_600))));
    }

    #[test]
    fn when_asked_to_a_run_waits_for_the_end_of_the_cooldown() {
        let wish = wish(Mode::Live, Cooldown::Schedule);
        let begin = |now| judged(&facts(3600, Some(1_000)), None, &wish, now).map(|start| start.begins_at());
        assert_eq!(begin(1_060), Ok(at(4_600)));
        assert_eq!(begin(4_600), Ok(at(4_600)));
        let active = Some(RunId::new());
        assert!(judged(&facts(3600, None), active, &wish, 0).is_err());
    }

    #[test]
    fn despite_a_cooldown_a_run_goes_and_says_so_but_never_beside_another() {
        let wish = wish(Mode::Live, Cooldown::Ignore);
        let start = judged(&facts(3600, Some(1_000)), None, &wish, 1_060).expect("it goes");
        assert_eq!((start.begins_at(), start.despite), (at(1_060), Some(at(4_600))));
        let said = passed_over(at(4_600));
        assert!(said.contains("ends at 1970-01-01T01:16:40Z"), "{said}");
        assert_eq!(judged(&facts(0, None), None, &wish, 0), Ok(Start::at(at(0))));
        assert!(judged(&facts(0, None), Some(RunId::new()), &wish, 0).is_err());
    }

    #[test]
    fn dry_runs_are_free() {
        let wish = wish(Mode::DryRun, Cooldown::LeaveOut);
        let start = judged(&facts(3600, Some(1_000)), Some(RunId::new()), &wish, 1_060);
        assert_eq!(start, Ok(Start::at(at(1_060))));
    }

    #[test]
    fn one_live_run_per_policy() {
        let active = RunId::new();
        let refused = judged(&facts(0, None), Some(active), &wish(Mode::Live, Cooldown::Ignore), 0);
        let said = Invalid::from(refused.expect_err("an active run"));
        assert!(said.problem.contains(&active.to_string()));
    }
}

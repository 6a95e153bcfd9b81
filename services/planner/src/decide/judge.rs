//! Which policies may run now, and the named reason of every other. Pure.

use std::time::Duration;

use domain::policy::PolicyFacts;
use domain::run::Mode;
use domain::{Invalid, RunId, Timestamp};

/// Whether a run may be created from these facts; a dry run is free of cooldown and company.
pub fn judge(facts: &PolicyFacts, mode: Mode, active: Option<RunId>, now: Timestamp) -> Result<(), Invalid> {
    facts.policy.spec.check()?;
    match mode {
        Mode::DryRun => Ok(()),
        Mode::Live => {
            no_active_run(active)?;
            cooled_down(facts, now)
        }
    }
}

/// The same for a run that shall wait until the cooldown has ended: when that is, if it has not.
pub fn judge_when_allowed(
    facts: &PolicyFacts,
    mode: Mode,
    active: Option<RunId>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Invalid> {
    facts.policy.spec.check()?;
    match mode {
        Mode::DryRun => Ok(None),
        Mode::Live => no_active_run(active).map(|()| cooled_at(facts, now)),
    }
}

/// The same for a run that no cooldown holds; gives what is to be said of the one that it passes over.
pub fn judge_despite_cooldown(
    facts: &PolicyFacts,
    mode: Mode,
    active: Option<RunId>,
    now: Timestamp,
) -> Result<Option<String>, Invalid> {
    let until = judge_when_allowed(facts, mode, active, now)?;
    Ok(until.map(passed_over))
}

/// The words for a cooldown that is not waited for.
pub(crate) fn passed_over(until: Timestamp) -> String {
    format!("asked for despite the cooldown of the policy, which ends at {until}")
}

/// When the policy's cooldown ends, if it has not.
pub(crate) fn cooled_at(facts: &PolicyFacts, now: Timestamp) -> Option<Timestamp> {
    cooled_down_at(facts).filter(|again| *again > now)
}

fn no_active_run(active: Option<RunId>) -> Result<(), Invalid> {
    match active {
        None => Ok(()),
        Some(run) => {
            let remedy = "wait for its end or cancel it; when it asks, or waits for its next try, it can be resumed";
            Err(Invalid::new(
                "hostname",
                format!("run {run} of this policy has not ended"),
                remedy,
            ))
        }
    }
}

fn cooled_down(facts: &PolicyFacts, now: Timestamp) -> Result<(), Invalid> {
    let (Some(last), Some(again)) = (facts.last_live_at, cooled_at(facts, now)) else {
        return Ok(());
    };
    let seconds = facts.policy.spec.cooldown_seconds;
    let problem = format!("the last live run began at {last} and the policy has a cooldown of {seconds} s");
    Err(Invalid::new(
        "cooldown_seconds",
        problem,
        format!("ask again after {again}, or with when_allowed (vigilo renew --when-allowed), or make a dry run"),
    ))
}

/// When the cooldown after the last live run ends, or ended.
fn cooled_down_at(facts: &PolicyFacts) -> Option<Timestamp> {
    let cooldown = Duration::from_secs(u64::from(facts.policy.spec.cooldown_seconds));
    Some(facts.last_live_at?.plus(cooldown))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_cooldown_is_refused_with_the_time_when_it_ends() {
        let refused = judge(&facts(3600, Some(1_000)), Mode::Live, None, at(1_060)).expect_err("inside the cooldown");
        assert_eq!(refused.field, "cooldown_seconds");
        assert!(refused.remedy.contains("1970-01-01T01:16:40Z"), "{}", refused.remedy);
        assert_eq!(judge(&facts(3600, Some(1_000)), Mode::Live, None, at(4_600)), Ok(()));
    }

    #[test]
    fn when_asked_to_a_run_waits_for_the_end_of_the_cooldown() {
        let begin = |now| judge_when_allowed(&facts(3600, Some(1_000)), Mode::Live, None, at(now));
        assert_eq!(begin(1_060), Ok(Some(at(4_600))));
        assert_eq!(begin(4_600), Ok(None));
        let active = Some(RunId::new());
        assert!(judge_when_allowed(&facts(3600, None), Mode::Live, active, at(0)).is_err());
    }

    #[test]
    fn despite_a_cooldown_a_run_goes_and_says_so_but_never_beside_another() {
        let said = judge_despite_cooldown(&facts(3600, Some(1_000)), Mode::Live, None, at(1_060)).expect("it goes");
        assert!(said.expect("a reason").contains("ends at 1970-01-01T01:16:40Z"));
        assert_eq!(
            judge_despite_cooldown(&facts(0, None), Mode::Live, None, at(0)),
            Ok(None)
        );
        let active = Some(RunId::new());
        assert!(judge_despite_cooldown(&facts(0, None), Mode::Live, active, at(0)).is_err());
    }

    #[test]
    fn dry_runs_are_free() {
        assert_eq!(
            judge(&facts(3600, Some(1_000)), Mode::DryRun, Some(RunId::new()), at(1_060)),
            Ok(())
        );
    }

    #[test]
    fn one_live_run_per_policy() {
        let active = RunId::new();
        let refused = judge(&facts(0, None), Mode::Live, Some(active), at(0)).expect_err("an active run");
        assert!(refused.problem.contains(&active.to_string()));
    }
}

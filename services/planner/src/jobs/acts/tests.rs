use std::time::Duration;

use domain::filter::Filter;
use domain::job::{Canary, Halt, Shared};

use super::*;

fn job(state: JobState) -> Job {
    let spec = JobSpec {
        canary: Some(Canary::Count(1)),
        concurrency: Some(4),
        ..JobSpec::of(Filter::default())
    };
    let mut job = new_job(&WorkspaceId::default_workspace(), spec, "ann", Timestamp::EPOCH);
    job.state = state;
    job.totals.included = 1;
    job.planned_at = Some(Timestamp::EPOCH);
    job
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(seconds))
}

#[test]
fn a_plan_is_committed_once_while_it_is_fresh() {
    let mut planned = job(JobState::Planned);
    assert_eq!(committed(&mut planned, "bob", false, later(60)), Ok(()));
    assert_eq!(planned.state, JobState::Committing);
    assert_eq!((planned.holds.cohort, planned.holds.places), (true, Some(4)));
    let once = planned.clone();
    assert_eq!(committed(&mut planned, "eve", false, later(90)), Ok(()));
    assert_eq!(planned, once, "the second word changes nothing");

    let stale = committed(&mut job(JobState::Planned), "bob", false, later(3_601)).expect_err("stale");
    assert!(stale.remedy.contains("--stale-ok"), "{stale}");
    assert_eq!(
        committed(&mut job(JobState::Planned), "bob", true, later(3_601)),
        Ok(())
    );
}

#[test]
fn a_plan_that_the_month_cannot_pay_any_more_is_not_committed() {
    let mut planned = job(JobState::Planned);
    planned.totals.cost_micro_usd = 7_000_000;
    assert_eq!(affordable(&planned, None), Ok(()));
    assert_eq!(affordable(&planned, Some(7_000_000)), Ok(()));
    let refused = affordable(&planned, Some(6_500_000)).expect_err("too little is left");
    assert_eq!(
        refused.problem,
        "it costs 7.00 USD, and the month's budget has 6.50 USD left now"
    );
    // Asked twice it is committed once: by then its own runs have taken the money.
    planned.state = JobState::Committing;
    assert_eq!(affordable(&planned, Some(0)), Ok(()));
}

#[test]
fn a_refusal_says_where_the_job_stands() {
    for state in [JobState::Planning, JobState::Cancelled, JobState::Failed] {
        let refused = committed(&mut job(state), "bob", true, later(0)).expect_err("refused");
        assert_eq!(refused.field, "job_id");
        assert!(refused.problem.contains(state.as_str()), "{refused}");
    }
    let mut empty = job(JobState::Planned);
    empty.totals.included = 0;
    assert!(committed(&mut empty, "bob", true, later(0)).is_err());
}

#[test]
fn a_resume_forgives_what_failed_before() {
    let mut halted = job(JobState::Running);
    assert!(resumed(&mut halted, later(5)).is_err(), "nothing stops it");
    halted.holds.halts.push(Halt {
        shared: Shared::Zone("a.org".to_owned()),
        code: domain::disposition::ErrorCode::new("ISS-0004"),
        failed: 3,
        ended: 3,
        at: later(1),
    });
    assert_eq!(paused(&mut halted, "ann"), Ok(()));
    assert_eq!(resumed(&mut halted, later(5)), Ok(()));
    assert!(!halted.holds.is_stopped() && halted.held_to.is_some());
    assert_eq!(halted.judged_from, later(5));
}

#[test]
fn a_plan_is_thrown_away_at_once_and_runs_are_given_up_one_by_one() {
    for (state, next) in [
        (JobState::Planning, JobState::Cancelled),
        (JobState::Planned, JobState::Cancelled),
        (JobState::Running, JobState::Cancelling),
        (JobState::Ended, JobState::Cancelling),
        (JobState::Cancelled, JobState::Cancelled),
    ] {
        let mut one = job(state);
        assert_eq!(cancelled(&mut one, "ann", true, later(0)), Ok(()));
        assert_eq!(one.state, next);
    }
}

#[test]
fn what_has_ended_as_a_whole_keeps_its_end() {
    let mut ended = job(JobState::Ended);
    let refused = cancelled(&mut ended, "ann", false, later(0)).expect_err("nothing is left to give up");
    assert!(refused.problem.contains("ended"), "{refused}");
    assert_eq!((ended.state, ended.cancelled_by), (JobState::Ended, None));
}

#[test]
fn a_plan_whose_time_is_over_is_not_committed() {
    let mut planned = job(JobState::Planned);
    planned.spec.ends_at = Some(later(60));
    let refused = committed(&mut planned, "bob", true, later(60)).expect_err("too late");
    assert!(refused.remedy.contains("plan anew"), "{refused}");
    assert_eq!(committed(&mut planned, "bob", false, later(59)), Ok(()));
}

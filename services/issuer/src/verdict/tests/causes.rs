//! Whose trouble an error is: what the planner decides by.

use super::*;

fn goes_elsewhere(error: CaError) -> bool {
    let judged = judge(error.into(), circumstances());
    judged.cause().is_some_and(Cause::is_of_this_ca_alone)
}

/// What the planner decides by is said, whatever the words.
#[test]
fn a_verdict_says_whose_trouble_it_is() {
    let said = "too many certificates (50) already issued for \"one.org\"".to_owned();
    let of_ca = |of_ca| Some(Cause::Ca(of_ca));
    for (error, cause) in [
        (
            CaError::RateLimited { until: None, said }.into(),
            of_ca(OfCa::Limited {
                scope: domain::limit::Scope::RegisteredDomain,
                of: vec!["one.org".to_owned()],
            }),
        ),
        (
            invalid_by(ProblemKind::Connection),
            of_ca(OfCa::NotProven {
                names: vec!["a.example".to_owned()],
            }),
        ),
        (
            CaError::Denied(problem(ProblemKind::Unauthorized)).into(),
            of_ca(OfCa::AccountRefused),
        ),
        (
            CaError::Refused(problem(ProblemKind::UserActionRequired)).into(),
            of_ca(OfCa::AccountIncomplete),
        ),
        (
            CaError::Unattended { what: String::new() }.into(),
            of_ca(OfCa::OrderLost),
        ),
        (
            CaError::Custody(CustodyError::Unavailable { reason: String::new() }).into(),
            Some(Cause::Fleet),
        ),
        (IssueError::Challenge("dns-01"), Some(Cause::Policy)),
    ] {
        let shown = format!("{error:?}");
        assert_eq!(judge(error, circumstances()).cause(), cause.as_ref(), "{shown}");
    }
}

#[test]
fn only_a_ca_that_is_down_out_of_quota_or_done_with_the_account_sends_a_run_elsewhere() {
    let what = || "because".to_owned();
    let down = |until| CaError::Unavailable { until, what: what() };
    for error in [
        down(None),
        down(Some(now())),
        CaError::RateLimited {
            until: None,
            said: what(),
        },
        CaError::Denied(problem(ProblemKind::Unauthorized)),
    ] {
        assert!(goes_elsewhere(error.clone()), "{error}");
    }
    for error in [
        CaError::AccountGone,
        CaError::NotClaimed { what: what() },
        CaError::OrderGone { url: what() },
        CaError::Custody(CustodyError::Unavailable { reason: what() }),
    ] {
        assert!(!goes_elsewhere(error.clone()), "{error}");
    }
}

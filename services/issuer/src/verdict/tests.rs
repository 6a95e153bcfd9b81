//! Every error with its code, its disposition, and whether the order goes on.

use super::*;

const NOW: i64 = 1_800_000_000;

fn circumstances() -> NextTry {
    NextTry {
        now: now(),
        failures: 0,
        wait: Duration::from_secs(60),
        jitter: 0.0,
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).expect("an instant")
}

fn problem(kind: ProblemKind) -> Problem {
    Problem {
        kind,
        detail: "because".to_owned(),
    }
}

fn invalid_by(kind: ProblemKind) -> IssueError {
    let names = vec![NameProblem {
        name: "a.example".to_owned(),
        problem: problem(kind),
    }];
    CaError::OrderInvalid { names, order: None }.into()
}

/// The verdict as one line: disposition, code, whether the checkpoint is forgotten.
fn line(error: IssueError) -> String {
    let judged = judge(error, circumstances());
    let (kind, code) = match judged.disposition {
        Disposition::RetryAt(_, failure) => ("retry", failure.code),
        Disposition::WaitUntil(_, failure) => ("wait", failure.code),
        Disposition::Fail(failure) => ("fail", failure.code),
        Disposition::NeedsHuman(question) => ("ask", question.code),
    };
    format!("{kind} {code}{}", if judged.forget_checkpoint { " afresh" } else { "" })
}

#[test]
fn the_table() {
    let directory = "https://elsewhere.example/dir".parse().expect("a URL");
    let text = String::new;
    let refused = |kind| IssueError::Ca(CaError::Refused(problem(kind)));
    let denied = |kind| IssueError::Ca(CaError::Denied(problem(kind)));
    let table = [
        (CaError::NotAllowed { directory }.into(), "fail ISS-0001"),
        (CaError::Misconfigured { what: text() }.into(), "ask ISS-0002"),
        (
            CaError::Custody(CustodyError::Unavailable { reason: text() }).into(),
            "wait ISS-0003",
        ),
        (
            CaError::Custody(CustodyError::Denied { reason: text() }).into(),
            "ask ISS-0004",
        ),
        (
            CaError::Unavailable {
                until: None,
                what: text(),
            }
            .into(),
            "retry ISS-0005",
        ),
        (
            CaError::RateLimited {
                until: None,
                said: text(),
            }
            .into(),
            "wait ISS-0006",
        ),
        (invalid_by(ProblemKind::Unauthorized), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Connection), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Dns), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Caa), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::ServerInternal), "retry ISS-0005 afresh"),
        (
            CaError::OrderInvalid {
                names: vec![],
                order: None,
            }
            .into(),
            "retry ISS-0005 afresh",
        ),
        (refused(ProblemKind::Caa), "ask ISS-0007"),
        (refused(ProblemKind::RejectedIdentifier), "fail ISS-0008"),
        (refused(ProblemKind::BadPublicKey), "fail ISS-0009"),
        (refused(ProblemKind::Malformed), "ask ISS-0016"),
        (denied(ProblemKind::Unauthorized), "ask ISS-0010"),
        (denied(ProblemKind::ExternalAccountRequired), "ask ISS-0010"),
        (CaError::AccountGone.into(), "retry ISS-0011"),
        (CaError::OrderGone { url: text() }.into(), "retry ISS-0011 afresh"),
        (Foreign::OtherKey.into(), "ask ISS-0012 afresh"),
        (
            CaError::NoSuchChallenge {
                name: text(),
                challenge: "http-01",
            }
            .into(),
            "fail ISS-0013",
        ),
        (IssueError::Challenge("dns-01"), "fail ISS-0013"),
        (CaError::NotPresented { what: text() }.into(), "wait ISS-0014"),
        (CaError::NotClaimed { what: text() }.into(), "wait ISS-0014"),
        (IssueError::NotRemoved(text()), "wait ISS-0014"),
        (BadCsr::Missing.into(), "fail ISS-0015"),
    ];
    for (error, expected) in table {
        let shown = format!("{error:?}");
        assert_eq!(line(error), expected, "{shown}");
    }
}

#[test]
fn the_cas_own_time_is_kept_and_named() {
    let until = now().plus(Duration::from_secs(3600));
    let limited = CaError::RateLimited {
        until: Some(until),
        said: "too many certificates".to_owned(),
    };
    let Disposition::WaitUntil(at, failure) = judge(limited.into(), circumstances()).disposition else {
        panic!("a rate limit is never a failure");
    };
    assert_eq!(at, until);
    assert!(
        failure.what.contains("rate limited") && failure.what.contains(&until.to_string()),
        "{}",
        failure.what
    );
}

#[test]
fn a_time_in_the_past_means_now_and_one_of_years_a_week() {
    let week = now().plus(Duration::from_secs(8 * 24 * 3600));
    let years = now().plus(Duration::from_secs(100 * 365 * 24 * 3600));
    for (said, expected) in [(Timestamp::EPOCH, now()), (years, week)] {
        let unavailable = CaError::Unavailable {
            until: Some(said),
            what: String::new(),
        };
        let Disposition::RetryAt(at, _) = judge(unavailable.into(), circumstances()).disposition else {
            panic!("it comes back");
        };
        assert_eq!(at, expected);
    }
}

#[test]
fn a_failed_challenge_names_host_reason_and_remedy() {
    let Disposition::NeedsHuman(question) = judge(invalid_by(ProblemKind::Connection), circumstances()).disposition
    else {
        panic!("a person must open the port");
    };
    assert!(
        question.what.contains("a.example: because (connection)"),
        "{}",
        question.what
    );
    assert!(
        question.hint.contains("port 80 of a.example") && question.hint.contains("resume"),
        "{}",
        question.hint
    );
}

#[test]
fn the_page_of_errors_has_every_code() {
    let page = include_str!("../../ERRORS.md");
    for number in 1..=16 {
        assert!(
            page.contains(&format!("## ISS-{number:04}:")),
            "ISS-{number:04} has no paragraph"
        );
    }
}

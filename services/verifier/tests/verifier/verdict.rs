//! Every error and what becomes of it.

use std::time::Duration;

use domain::Timestamp;
use domain::backoff::NextTry;
use domain::disposition::Disposition;
use verifier::verdict::{Trouble, VerifyError, judge};

fn after(failures: u32, error: VerifyError) -> String {
    let now = Timestamp::EPOCH;
    match judge(
        error,
        NextTry {
            now,
            failures,
            wait: Duration::from_secs(60),
            jitter: 0.0,
        },
    )
    .disposition
    {
        Disposition::RetryAt(at, failure) if failure.passes_by_itself() => {
            format!("{} waits {:?}", failure.code, at.since(now))
        }
        Disposition::RetryAt(at, failure) => format!("{} again in {:?}", failure.code, at.since(now)),
        Disposition::Fail(failure) => format!("{} fails", failure.code),
        Disposition::NeedsHuman(question) => format!("{} asks", question.code),
    }
}

#[test]
fn each_error_has_its_code_and_its_consequence() {
    let host = || "www.example.test".to_owned();
    let why = || "it is so".to_owned();
    let trouble = || Trouble::new(&host(), why(), Vec::new());
    let table = [
        (0, VerifyError::Malformed(why()), "VER-0001 fails"),
        (0, VerifyError::OtherServed(trouble()), "VER-0002 asks"),
        (0, VerifyError::Unreachable(trouble()), "VER-0003 again in 5s"),
        (1, VerifyError::Unreachable(trouble()), "VER-0003 again in 10s"),
        (2, VerifyError::Unreachable(trouble()), "VER-0003 asks"),
        (
            0,
            VerifyError::NoAddress {
                host: host(),
                why: why(),
            },
            "VER-0004 again in 5s",
        ),
        (
            2,
            VerifyError::NoAddress {
                host: host(),
                why: why(),
            },
            "VER-0004 asks",
        ),
        (0, VerifyError::Faulty(trouble()), "VER-0005 asks"),
        (0, VerifyError::NotBack(trouble()), "VER-0006 asks"),
        (0, VerifyError::Unanswered(trouble()), "VER-0003 again in 5s"),
        (2, VerifyError::Unanswered(trouble()), "VER-0003 asks"),
        (0, VerifyError::Mixed(trouble()), "VER-0007 asks"),
        (0, VerifyError::Unseen(trouble()), "VER-0008 again in 5s"),
        (2, VerifyError::Unseen(trouble()), "VER-0008 asks"),
    ];
    for (failures, error, expected) in table {
        assert_eq!(after(failures, error.clone()), expected, "{error}");
    }
}

/// Only what is known to be served wrongly sends a target back.
#[test]
fn what_proves_nothing_keeps_what_is_installed() {
    let host = "www.example.test";
    let trouble = || Trouble::new(host, "it is so", Vec::new());
    let name = VerifyError::NoAddress {
        host: host.to_owned(),
        why: "it is so".to_owned(),
    };
    for (error, keeps) in [
        (VerifyError::OtherServed(trouble()), false),
        (VerifyError::Faulty(trouble()), false),
        (VerifyError::Unreachable(trouble()), false),
        (VerifyError::Unanswered(trouble()), true),
        (VerifyError::Mixed(trouble()), true),
        (VerifyError::Unseen(trouble()), true),
        (name, true),
    ] {
        let next = NextTry {
            now: Timestamp::EPOCH,
            failures: 2,
            wait: Duration::from_secs(60),
            jitter: 0.0,
        };
        let Disposition::NeedsHuman(question) = judge(error.clone(), next).disposition else {
            panic!("{error} is asked about")
        };
        assert_eq!(question.keep_installed, keeps, "{error}");
        assert!(
            !question.hint.contains("see whether the server runs"),
            "{}",
            question.hint
        );
    }
}

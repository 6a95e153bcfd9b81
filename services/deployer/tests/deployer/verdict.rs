//! Every error and what becomes of it.

use std::time::Duration;

use deployer::certificate::NotInstallable;
use deployer::keys::KeyError;
use deployer::targets::TargetError;
use deployer::verdict::{DeployError, judge};
use domain::Timestamp;
use domain::backoff::NextTry;
use domain::disposition::Disposition;

fn after(failures: u32, error: DeployError) -> String {
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
        Disposition::RetryAt(at, failure) => format!("{} again in {:?}", failure.code, at.since(now)),
        Disposition::WaitUntil(at, failure) => format!("{} waits {:?}", failure.code, at.since(now)),
        Disposition::Fail(failure) => format!("{} fails", failure.code),
        Disposition::NeedsHuman(question) => format!("{} asks: {}", question.code, question.hint),
    }
}

#[test]
fn each_error_has_its_code_and_its_consequence() {
    let text = || "it is so".to_owned();
    let leaf = domain::certificate::Fingerprint::of(b"leaf");
    let table: [(u32, DeployError, &str); 13] = [
        (0, NotInstallable::Malformed(text()).into(), "DEP-0001 fails"),
        (
            0,
            NotInstallable::Expired {
                leaf: leaf.clone(),
                at: domain::Timestamp::EPOCH,
            }
            .into(),
            "DEP-0012 fails",
        ),
        (
            0,
            NotInstallable::Mismatched { leaf, why: text() }.into(),
            "DEP-0002 fails",
        ),
        (
            0,
            KeyError::Denied { reason: text() }.into(),
            "DEP-0003 asks: see the key-signer's log",
        ),
        (0, KeyError::Unavailable { reason: text() }.into(), "DEP-0004 waits 5s"),
        (
            0,
            TargetError::Misconfigured {
                what: text(),
                remedy: "mend it".to_owned(),
            }
            .into(),
            "DEP-0005 asks: mend it",
        ),
        (
            0,
            TargetError::Denied {
                what: text(),
                remedy: "allow it".to_owned(),
            }
            .into(),
            "DEP-0006 asks: allow it",
        ),
        (
            0,
            TargetError::HookFailed {
                command: text(),
                status: text(),
                output: text(),
            }
            .into(),
            "DEP-0007 again in 60s",
        ),
        (
            0,
            TargetError::HookHung {
                command: text(),
                seconds: 7,
                output: text(),
            }
            .into(),
            "DEP-0008 again in 60s",
        ),
        (
            0,
            TargetError::Lost { what: text() }.into(),
            "DEP-0010 asks: put the former certificate and key back by hand",
        ),
        (
            0,
            TargetError::Changed { what: text() }.into(),
            "DEP-0011 asks: if that certificate is the right one, cancel",
        ),
        (
            0,
            TargetError::Unavailable { what: text() }.into(),
            "DEP-0009 again in 60s",
        ),
        (
            2,
            TargetError::Unavailable { what: text() }.into(),
            "DEP-0009 again in 60s",
        ),
    ];
    for (failures, error, expected) in table {
        let became = after(failures, error.clone());
        assert!(became.starts_with(expected), "{error}: {became}");
    }
}

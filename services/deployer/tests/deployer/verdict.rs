//! Every error and what becomes of it.

use std::time::Duration;

use deployer::certificate::NotInstallable;
use deployer::keys::KeyError;
use deployer::targets::TargetError;
use deployer::verdict::{DeployError, Stays, judge};
use domain::Timestamp;
use domain::backoff::NextTry;
use domain::certificate::Fingerprint;
use domain::disposition::Disposition;
use domain::run::Receipt;

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
        Disposition::RetryAt(at, failure) if failure.passes_by_itself() => {
            format!("{} waits {:?}", failure.code, at.since(now))
        }
        Disposition::RetryAt(at, failure) => format!("{} again in {:?}", failure.code, at.since(now)),
        Disposition::Fail(failure) => format!("{} fails", failure.code),
        Disposition::NeedsHuman(question) => format!("{} asks: {}", question.code, question.hint),
    }
}

fn text() -> String {
    "it is so".to_owned()
}

fn failed() -> TargetError {
    TargetError::HookFailed {
        command: text(),
        status: text(),
        output: text(),
    }
}

fn hung() -> TargetError {
    TargetError::HookHung {
        command: text(),
        seconds: 7,
        output: text(),
    }
}

fn stays() -> Stays {
    Stays {
        receipt: Receipt {
            installed: Fingerprint::of(b"leaf"),
            already_there: false,
            backups: Vec::new(),
            replaced: None,
            reload_output: None,
        },
        files: text(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn each_error_has_its_code_and_its_consequence() {
    let leaf = Fingerprint::of(b"leaf");
    let table: [(u32, DeployError, &str); 26] = [
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
            DeployError::ExpiredInPlace {
                expired: NotInstallable::Malformed(text()),
                stays: stays(),
            },
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
            TargetError::NotAllowed {
                what: text(),
                remedy: "add the line".to_owned(),
            }
            .into(),
            "DEP-0013 asks: add the line",
        ),
        (0, failed().into(), "DEP-0014 again in 60s"),
        (0, DeployError::Before { hook: failed() }, "DEP-0014 again in 60s"),
        (
            0,
            DeployError::FormerRefused { hook: failed() },
            "DEP-0014 again in 60s",
        ),
        (
            0,
            DeployError::WasThereBefore { hook: failed() },
            "DEP-0014 again in 60s",
        ),
        (0, DeployError::Refused { hook: failed() }, "DEP-0007 again in 60s"),
        (
            0,
            DeployError::BrokenBefore {
                hook: failed(),
                former: failed(),
            },
            "DEP-0014 again in 60s",
        ),
        (
            0,
            DeployError::Unclear {
                hook: failed(),
                former: hung(),
            },
            "DEP-0007 again in 60s",
        ),
        (0, hung().into(), "DEP-0008 again in 60s"),
        (0, DeployError::Before { hook: hung() }, "DEP-0008 again in 60s"),
        (
            0,
            DeployError::Unproven {
                hook: hung(),
                stays: stays(),
            },
            "DEP-0008 again in 60s",
        ),
        (
            0,
            DeployError::Unproven {
                hook: TargetError::Unavailable { what: text() },
                stays: stays(),
            },
            "DEP-0009 again in 60s",
        ),
        (
            0,
            DeployError::Stays {
                hook: failed(),
                why: TargetError::Lost { what: text() },
                stays: stays(),
            },
            "DEP-0015 asks: put the former certificate and key back by hand",
        ),
        (
            0,
            DeployError::NotStarted {
                hook: TargetError::Misconfigured {
                    what: text(),
                    remedy: "mend it".to_owned(),
                },
            },
            "DEP-0005 asks: mend it",
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

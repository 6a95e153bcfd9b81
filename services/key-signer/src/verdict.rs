//! The only place where an error of a key backend becomes a disposition. Codes: `shared/codes`.

#![deny(clippy::wildcard_enum_match_arm)]

use bus::StepError;
use domain::backoff::NextTry;
use domain::cause::Cause;
use domain::disposition::{Disposition, Failure};

use crate::backends::BackendError;

#[expect(clippy::too_many_lines, reason = "one arm for each error of a backend")]
pub fn judge(error: &BackendError, at: NextTry) -> StepError {
    let failure = |code, hint| Failure::new(code, error.to_string(), hint);
    let disposition = match error {
        BackendError::Unsupported { .. } => Disposition::Fail(failure(
            "KEY-0001",
            "Set key_source of the policy to local, or run a version of Vigilo that has this backend.",
        )),
        BackendError::KeptKey { .. } => Disposition::NeedsHuman(
            failure(
                "KEY-0002",
                "Give the key-signer the root key file that the key was sealed under and resume; or cancel, set \
                 key_rotation to always, and renew with a new key.",
            )
            .ask(),
        ),
        BackendError::OtherAlgorithm { .. } => Disposition::NeedsHuman(
            failure(
                "KEY-0003",
                "A key cannot change its algorithm. Cancel, then set key_algorithm back to that of the key, or \
                 key_rotation to always for a new key, and renew again.",
            )
            .ask(),
        ),
        BackendError::NotSigned { .. } => Disposition::NeedsHuman(
            failure(
                "KEY-0004",
                "No certificate was asked for. Resume makes the request again; if this comes back, the key backend or \
                 the machine is at fault.",
            )
            .ask(),
        ),
        BackendError::Names { .. } => {
            Disposition::Fail(failure("KEY-0005", "Correct the hostname and the SANs of the policy."))
        }
        BackendError::Unavailable { .. } => Disposition::RetryAt(
            at.soon(),
            failure(
                "KEY-0006",
                "Nothing to do: it is tried again. Look at the key-signer's log if it goes on.",
            ),
        ),
    };
    StepError::from(disposition).because(cause(error))
}

const fn cause(error: &BackendError) -> Cause {
    match error {
        BackendError::Unsupported { .. }
        | BackendError::KeptKey { .. }
        | BackendError::OtherAlgorithm { .. }
        | BackendError::Names { .. } => Cause::Policy,
        BackendError::NotSigned { .. } | BackendError::Unavailable { .. } => Cause::Fleet,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Timestamp;

    use super::*;

    const NOW: NextTry = NextTry {
        now: Timestamp::EPOCH,
        failures: 0,
        wait: Duration::from_secs(7),
        jitter: 0.0,
    };

    fn every_error() -> Vec<BackendError> {
        let reason = || "because".to_owned();
        vec![
            BackendError::Unsupported { backend: "vault" },
            BackendError::KeptKey { reason: reason() },
            BackendError::OtherAlgorithm {
                kept: "rsa2048".to_owned(),
                wanted: "p256",
            },
            BackendError::NotSigned { reason: reason() },
            BackendError::Names { reason: reason() },
            BackendError::Unavailable { reason: reason() },
        ]
    }

    fn code(error: &BackendError) -> String {
        match judge(error, NOW).disposition {
            Disposition::RetryAt(_, failure) | Disposition::Fail(failure) => failure.code.to_string(),
            Disposition::NeedsHuman(question) => question.code.to_string(),
        }
    }

    #[test]
    fn every_code_is_its_own_and_is_explained() {
        let mut codes: Vec<String> = every_error().iter().map(code).collect();
        for code in &codes {
            assert!(codes::find(code).is_some(), "{code} is not explained");
        }
        codes.dedup();
        assert_eq!(codes.len(), every_error().len());
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for error in every_error() {
            let judged = judge(&error, NOW);
            let retried = matches!(judged.disposition, Disposition::RetryAt(..));
            assert_eq!(retried, matches!(error, BackendError::Unavailable { .. }), "{error}");
            assert!(!retried || judged.cause() == Some(&Cause::Fleet), "{error}");
        }
        let unavailable = BackendError::Unavailable { reason: String::new() };
        let Disposition::RetryAt(at, _) = judge(&unavailable, NOW).disposition else {
            panic!("it is tried again")
        };
        assert_eq!(at, NOW.soon());
    }
}

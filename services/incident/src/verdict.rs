//! The only place where an error of a channel becomes what is done next. Codes: `shared/codes`.

#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use domain::Timestamp;
use domain::backoff::Ladder;
use store::{Next, Notification};

use crate::notify::ChannelError;

/// How patient the outbox is.
#[derive(Debug, Clone)]
pub struct Patience {
    pub ladder: Ladder,
    /// Counted from the change that is told.
    pub give_up_after: Duration,
}

pub const fn code(error: &ChannelError) -> &'static str {
    match error {
        ChannelError::Unconfigured(_) => "INC-0001",
        ChannelError::Misconfigured(_) => "INC-0002",
        ChannelError::Unreachable(_) | ChannelError::Later { .. } => "INC-0003",
        ChannelError::Denied(_) => "INC-0004",
        ChannelError::Refused(_) => "INC-0005",
    }
}

/// Whether other letters to the same channel would fare the same.
pub const fn is_of_channel(error: &ChannelError) -> bool {
    match error {
        ChannelError::Unconfigured(_)
        | ChannelError::Misconfigured(_)
        | ChannelError::Unreachable(_)
        | ChannelError::Later { .. }
        | ChannelError::Denied(_) => true,
        ChannelError::Refused(_) => false,
    }
}

/// A refusal stays one; everything else may be mended, and is tried again until the patience is over.
pub fn judge(error: &ChannelError, notification: &Notification, patience: &Patience, now: Timestamp) -> Next {
    match error {
        ChannelError::Refused(_) => Next::GivenUp(now),
        ChannelError::Later { until, .. } if now.since(notification.created_at) < patience.give_up_after => {
            Next::At((*until).max(now.plus(patience.ladder.wait(notification.attempts))))
        }
        ChannelError::Later { .. } => Next::GivenUp(now),
        ChannelError::Unconfigured(_)
        | ChannelError::Misconfigured(_)
        | ChannelError::Unreachable(_)
        | ChannelError::Denied(_) => {
            if now.since(notification.created_at) >= patience.give_up_after {
                return Next::GivenUp(now);
            }
            Next::At(now.plus(patience.ladder.wait(notification.attempts)))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::channel::ChannelKind;
    use domain::incident::{Change, Recipient};
    use domain::{IncidentId, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    fn all() -> [ChannelError; 5] {
        // `Later` has a test of its own.
        let why = || "why".to_owned();
        [
            ChannelError::Unconfigured(why()),
            ChannelError::Misconfigured(why()),
            ChannelError::Unreachable(why()),
            ChannelError::Denied(why()),
            ChannelError::Refused(why()),
        ]
    }

    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn tried(attempts: u32) -> Notification {
        Notification {
            id: Uuid::now_v7(),
            workspace: WorkspaceId::default_workspace(),
            incident: IncidentId::new(),
            change: Change::Opened,
            to: Recipient {
                channel: ChannelKind::Email,
                name: "ops@example.org".to_owned(),
            },
            created_at: Timestamp::EPOCH,
            attempts,
        }
    }

    #[test]
    fn a_wait_that_is_asked_for_is_waited_for() {
        let ladder = Ladder {
            rungs_seconds: vec![10, 60],
            then_seconds: 3600,
        };
        let give_up_after = Duration::from_secs(7200);
        let patience = Patience { ladder, give_up_after };
        let second = |n| Timestamp::EPOCH.plus(Duration::from_secs(n));
        let asked = |until| ChannelError::Later {
            said: "429".to_owned(),
            until: second(until),
        };
        let next = |until, now| judge(&asked(until), &tried(0), &patience, second(now));
        assert_eq!(next(121, 1), Next::At(second(121)));
        assert_eq!(next(2, 1), Next::At(second(11)), "never sooner than the ladder");
        assert_eq!(next(8000, 7200), Next::GivenUp(second(7200)));
        assert!(is_of_channel(&asked(1)), "no other letter is sent to it meanwhile");
        assert_eq!(code(&asked(1)), "INC-0003");
    }

    #[test]
    fn what_may_be_mended_climbs_the_ladder_until_it_is_given_up() {
        let patience = Patience {
            ladder: Ladder {
                rungs_seconds: vec![10, 60],
                then_seconds: 3600,
            },
            give_up_after: Duration::from_secs(7200),
        };
        let second = |n| Timestamp::EPOCH.plus(Duration::from_secs(n));
        for error in all() {
            let next = |attempts, now| judge(&error, &tried(attempts), &patience, now);
            if matches!(error, ChannelError::Refused(_)) {
                assert_eq!(next(0, second(1)), Next::GivenUp(second(1)));
                continue;
            }
            assert_eq!(next(0, second(1)), Next::At(second(11)), "{error:?}");
            assert_eq!(next(1, second(1)), Next::At(second(61)), "{error:?}");
            assert_eq!(next(7, second(1)), Next::At(second(3601)), "{error:?}");
            assert_eq!(next(7, second(7200)), Next::GivenUp(second(7200)), "{error:?}");
        }
    }

    #[test]
    fn every_code_is_explained() {
        for error in all() {
            let code = code(&error);
            assert!(codes::find(code).is_some(), "{code} is not explained");
        }
    }
}

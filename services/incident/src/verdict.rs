//! The only place where an error of a channel becomes what is done next. Codes: `ERRORS.md`.

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
        ChannelError::Unreachable(_) => "INC-0003",
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
        | ChannelError::Denied(_) => true,
        ChannelError::Refused(_) => false,
    }
}

/// A refusal stays one; everything else may be mended, and is tried again until the patience is over.
pub fn judge(error: &ChannelError, notification: &Notification, (patience, now): (&Patience, Timestamp)) -> Next {
    match error {
        ChannelError::Refused(_) => Next::GivenUp(now),
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
    use domain::incident::{Change, Channel, Recipient};
    use domain::{IncidentId, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    fn all() -> [ChannelError; 5] {
        let why = || "why".to_owned();
        [
            ChannelError::Unconfigured(why()),
            ChannelError::Misconfigured(why()),
            ChannelError::Unreachable(why()),
            ChannelError::Denied(why()),
            ChannelError::Refused(why()),
        ]
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
        let tried = |attempts| Notification {
            id: Uuid::now_v7(),
            workspace: WorkspaceId::default_workspace(),
            incident: IncidentId::new(),
            change: Change::Opened,
            to: Recipient {
                channel: Channel::Email,
                name: "ops@example.org".to_owned(),
            },
            created_at: Timestamp::EPOCH,
            attempts,
        };
        for error in all() {
            let next = |attempts, now| judge(&error, &tried(attempts), (&patience, now));
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
        let explained = include_str!("../ERRORS.md");
        for error in all() {
            let code = code(&error);
            assert!(explained.contains(&format!("## {code}")), "{code} is not in ERRORS.md");
        }
    }
}

//! Incidents: what a person is told about, how urgent it is, and how it ends.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::channel::ChannelKind;
use crate::clock::Timestamp;
use crate::disposition::ErrorCode;
use crate::host::Criticality;
use crate::ids::{HostId, IncidentId, RunId, WorkspaceId};
use crate::names::Hostname;

const DAY: Duration = Duration::from_secs(86_400);
/// Below this much certificate life an incident is one level more severe.
pub const NEAR: Duration = DAY.saturating_mul(7);
/// Below this much it is `sev1`, whatever the host.
pub const IMMINENT: Duration = DAY.saturating_mul(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Sev1,
    Sev2,
    Sev3,
    Sev4,
}

impl Severity {
    /// The most urgent first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    pub const fn of(criticality: Criticality) -> Self {
        match criticality {
            Criticality::Critical => Self::Sev1,
            Criticality::High => Self::Sev2,
            Criticality::Medium => Self::Sev3,
            Criticality::Low => Self::Sev4,
        }
    }

    /// By the host's criticality, and raised as the end of what it serves comes near: one level
    /// below seven days, `sev1` below 48 hours. What is not known raises nothing.
    pub fn judge(criticality: Criticality, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        let usual = Self::of(criticality);
        match expires_at.map(|end| end.since(now)) {
            Some(left) if left < IMMINENT => Self::Sev1,
            Some(left) if left < NEAR => usual.raised(),
            Some(_) | None => usual,
        }
    }

    const fn raised(self) -> Self {
        match self {
            Self::Sev1 | Self::Sev2 => Self::Sev1,
            Self::Sev3 => Self::Sev2,
            Self::Sev4 => Self::Sev3,
        }
    }

    /// Those that are less urgent.
    pub fn below(self) -> Vec<Self> {
        Self::ALL.into_iter().filter(|other| *other > self).collect()
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sev1 => "sev1",
            Self::Sev2 => "sev2",
            Self::Sev3 => "sev3",
            Self::Sev4 => "sev4",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    /// A person has acknowledged it.
    Acknowledged,
    Closed,
    /// Its runs are part of another incident now, which has the same cause on many hosts.
    Folded,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Open, Self::Acknowledged, Self::Closed, Self::Folded];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
            Self::Folded => "folded",
        }
    }

    pub const fn is_open(self) -> bool {
        match self {
            Self::Open | Self::Acknowledged => true,
            Self::Closed | Self::Folded => false,
        }
    }
}

/// What happened to an incident; its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Opened,
    /// The next run of its host failed too.
    Attached,
    /// More hosts failed for the same cause.
    Grown,
    /// The end of a certificate has come nearer.
    Raised,
    /// One of its runs failed again after it was closed.
    Reopened,
    /// One of its runs needs a person again, in another step or for another reason.
    Moved,
    /// One of its runs was cancelled; its host was not renewed.
    GivenUp,
    Acknowledged,
    Closed,
    /// Went into another incident.
    Folded,
}

impl Change {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Attached => "attached",
            Self::Grown => "grown",
            Self::Raised => "raised",
            Self::Reopened => "reopened",
            Self::Moved => "moved",
            Self::GivenUp => "given_up",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
            Self::Folded => "folded",
        }
    }

    /// Whether those who are notified hear of it.
    pub const fn is_told(self) -> bool {
        match self {
            Self::Opened
            | Self::Attached
            | Self::Grown
            | Self::Raised
            | Self::Reopened
            | Self::Moved
            | Self::Closed => true,
            Self::GivenUp | Self::Acknowledged | Self::Folded => false,
        }
    }
}

/// A receiver of notifications: an address, or the name of a channel that has one receiver only.
/// Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Recipient {
    pub channel: ChannelKind,
    pub name: String,
}

/// Failures of many hosts have one cause when they have the same code in the same kind of step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SharedCause")]
pub struct Cause {
    pub code: ErrorCode,
    /// As orders name it, without a target's number; empty when the run did not say.
    pub step: String,
}

/// Who did something, when, and in which words. `vigilo` is the service itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
}

impl Remark {
    pub const OWN: &'static str = "vigilo";

    pub fn own(at: Timestamp, note: impl Into<String>) -> Self {
        Self {
            at,
            by: Self::OWN.to_owned(),
            note: note.into(),
        }
    }
}

/// Trouble that a person must hear of: of one host, or of many with the same cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    pub id: IncidentId,
    pub workspace: WorkspaceId,
    /// The host and the run that it was opened for; its members say which others there are. What a
    /// CA wants of many hosts is of no run, and its host is the most critical of them.
    pub host_id: HostId,
    pub run_id: Option<RunId>,
    pub hostname: Hostname,
    pub severity: Severity,
    pub state: State,
    /// Many hosts, one cause.
    pub common: bool,
    pub cause: Option<Cause>,
    pub title: String,
    pub detail: String,
    pub opened_at: Timestamp,
    pub acknowledged: Option<Remark>,
    pub closed: Option<Remark>,
    pub folded_into: Option<IncidentId>,
}

/// A run with trouble; it is a member of exactly one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    pub run_id: RunId,
    pub host_id: HostId,
    pub hostname: Hostname,
    pub criticality: Criticality,
    pub cause: Option<Cause>,
    /// What the run says of its trouble.
    pub said: String,
    pub opened_at: Timestamp,
    /// When the run last told of its trouble.
    pub told_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub closed_because: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_criticality_and_rises_as_the_end_nears() {
        let now = Timestamp::EPOCH.plus(DAY * 100);
        let judged = |criticality, hours: u64| {
            Severity::judge(criticality, Some(now.plus(Duration::from_secs(hours * 3600))), now)
        };
        for (criticality, far, near) in [
            (Criticality::Critical, Severity::Sev1, Severity::Sev1),
            (Criticality::High, Severity::Sev2, Severity::Sev1),
            (Criticality::Medium, Severity::Sev3, Severity::Sev2),
            (Criticality::Low, Severity::Sev4, Severity::Sev3),
        ] {
            assert_eq!(Severity::judge(criticality, None, now), far);
            assert_eq!(judged(criticality, 7 * 24), far);
            assert_eq!(judged(criticality, 7 * 24 - 1), near);
            assert_eq!(judged(criticality, 48), near);
            assert_eq!(judged(criticality, 47), Severity::Sev1);
            let gone = Severity::judge(criticality, Some(Timestamp::EPOCH), now);
            assert_eq!(gone, Severity::Sev1, "what has ended is the most urgent");
        }
    }

    #[test]
    fn words_are_spelt_as_serde_spells_them() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).expect("a word"), state.as_str());
        }
        for change in [
            Change::Opened,
            Change::Grown,
            Change::Reopened,
            Change::Moved,
            Change::GivenUp,
            Change::Folded,
        ] {
            assert_eq!(serde_json::to_value(change).expect("a word"), change.as_str());
        }
    }
}

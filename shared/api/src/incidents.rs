//! Incidents: what a person was told of, its runs, its history, and how it was told.

use domain::Timestamp;
use domain::incident::{self, Member, Remark};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An incident with how many runs it is about and how many notifications of it are not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownIncident")]
pub struct Incident {
    #[serde(flatten)]
    pub incident: incident::Incident,
    pub members_total: i64,
    /// Runs that still have trouble.
    pub members_open: i64,
    /// Could not be delivered so far.
    pub notifications_failing: i64,
    pub notifications_given_up: i64,
    /// Path of the page that explains the code of its cause.
    pub help: Option<String>,
}

/// One incident with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentDetail {
    #[serde(flatten)]
    pub incident: Incident,
    /// Its runs, the oldest first, at most 10000.
    pub members: Vec<Member>,
    /// Its history.
    pub changes: Vec<Change>,
    pub notifications: Vec<Notification>,
}

/// One line of the history of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PastChange")]
pub struct Change {
    /// `opened`, `attached`, `grown`, `raised`, `reopened`, `moved`, `given_up`, `acknowledged`, `closed` or `folded`.
    pub change: String,
    #[serde(flatten)]
    pub word: Remark,
}

/// One message about an incident to one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// What is told, as in the history.
    pub change: String,
    pub channel: String,
    pub recipient: String,
    pub state: NotificationState,
    pub created_at: Timestamp,
    /// Deliveries that failed.
    pub attempts: u32,
    pub last_error: Option<String>,
    /// Null once it is delivered or given up.
    pub next_try_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub given_up_at: Option<Timestamp>,
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    Waiting,
    Failing,
    Delivered,
    GivenUp,
}

impl NotificationState {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Failing => "failing",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// What a person says when an incident is acknowledged or closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub note: String,
}

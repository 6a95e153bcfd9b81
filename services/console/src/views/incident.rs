//! Incidents as people see them: the state of each notification in one word.

use domain::Timestamp;
use domain::incident::{Incident, Member, Word};
use serde::Serialize;
use store::{IncidentView, NotificationView, PastChange};

#[derive(Serialize)]
pub(crate) struct ShownIncident {
    #[serde(flatten)]
    pub incident: Incident,
    members_total: i64,
    members_open: i64,
    notifications_failing: i64,
    notifications_given_up: i64,
    /// Where the code of its cause is explained.
    help: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct WholeIncident {
    #[serde(flatten)]
    head: ShownIncident,
    members: Vec<Member>,
    changes: Vec<ShownChange>,
    notifications: Vec<ShownNotification>,
}

#[derive(Serialize)]
struct ShownChange {
    change: String,
    #[serde(flatten)]
    word: Word,
}

#[derive(Serialize)]
struct ShownNotification {
    change: &'static str,
    channel: &'static str,
    recipient: String,
    state: &'static str,
    created_at: Timestamp,
    attempts: u32,
    last_error: Option<String>,
    next_try_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    given_up_at: Option<Timestamp>,
}

pub(crate) fn head(view: IncidentView) -> ShownIncident {
    let cause = view.incident.cause.as_ref();
    ShownIncident {
        help: cause.map(|cause| crate::pages::path(cause.code.as_str())),
        incident: view.incident,
        members_total: view.members,
        members_open: view.open_members,
        notifications_failing: view.failing,
        notifications_given_up: view.given_up,
    }
}

pub(crate) fn whole(
    view: IncidentView,
    members: Vec<Member>,
    (changes, notifications): (Vec<PastChange>, Vec<NotificationView>),
) -> WholeIncident {
    let change = |past: PastChange| ShownChange {
        change: past.change,
        word: past.word,
    };
    WholeIncident {
        head: head(view),
        members,
        changes: changes.into_iter().map(change).collect(),
        notifications: notifications.into_iter().map(notification).collect(),
    }
}

fn notification(view: NotificationView) -> ShownNotification {
    let state = match (view.delivered_at, view.given_up_at, &view.last_error) {
        (Some(_), _, _) => "delivered",
        (None, Some(_), _) => "given_up",
        (None, None, Some(_)) => "failing",
        (None, None, None) => "waiting",
    };
    let ended = view.delivered_at.is_some() || view.given_up_at.is_some();
    ShownNotification {
        change: view.change.as_str(),
        channel: view.to.channel.as_str(),
        recipient: view.to.name,
        state,
        created_at: view.created_at,
        attempts: view.attempts,
        last_error: view.last_error,
        next_try_at: (!ended).then_some(view.due_at),
        delivered_at: view.delivered_at,
        given_up_at: view.given_up_at,
    }
}

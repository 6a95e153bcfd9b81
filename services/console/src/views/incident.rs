//! Incidents as people see them: the state of each notification in one word.

use api::incidents::{Change, Incident, IncidentDetail, Notification, NotificationState};
use domain::incident::Member;
use store::{IncidentView, NotificationView, PastChange};

pub(crate) fn head(view: IncidentView) -> Incident {
    let cause = view.incident.cause.as_ref();
    Incident {
        help: cause.map(|cause| api::help(cause.code.as_str())),
        incident: view.incident,
        members_total: view.members,
        members_open: view.open_members,
        notifications_failing: view.failing,
        notifications_given_up: view.given_up,
    }
}

pub(crate) fn detail(
    view: IncidentView,
    members: Vec<Member>,
    changes: Vec<PastChange>,
    notifications: Vec<NotificationView>,
) -> IncidentDetail {
    let change = |past: PastChange| Change {
        change: past.change,
        word: past.word,
    };
    IncidentDetail {
        incident: head(view),
        members,
        changes: changes.into_iter().map(change).collect(),
        notifications: notifications.into_iter().map(notification).collect(),
    }
}

fn notification(view: NotificationView) -> Notification {
    let state = match (view.delivered_at, view.given_up_at, &view.last_error) {
        (Some(_), _, _) => NotificationState::Delivered,
        (None, Some(_), _) => NotificationState::GivenUp,
        (None, None, Some(_)) => NotificationState::Failing,
        (None, None, None) => NotificationState::Waiting,
    };
    let ended = view.delivered_at.is_some() || view.given_up_at.is_some();
    Notification {
        change: view.change.as_str().to_owned(),
        channel: view.to.channel.as_str().to_owned(),
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

//! Incidents.

use api::incidents::{Incident, IncidentDetail, Notification, NotificationState};
use domain::counted;
use domain::incident::Member;

use super::{Text, text_or_dash};

pub fn list(items: &[Incident]) -> Text {
    let mut text = Text::default();
    items.iter().for_each(|incident| head(incident, &mut text));
    text
}

fn head(shown: &Incident, text: &mut Text) {
    let incident = &shown.incident;
    text.line(format!(
        "{} {:<12} {} {}",
        incident.severity.as_str(),
        incident.state.as_str(),
        incident.opened_at,
        title(shown)
    ));
    // That a receiver could not be notified.
    let (failing, given_up) = (shown.notifications_failing, shown.notifications_given_up);
    if (failing, given_up) != (0, 0) {
        text.line(format!("    ✗ not told: {failing} tried again, {given_up} given up"));
    }
    text.line(format!("    incident {}", incident.id));
}

fn title(shown: &Incident) -> String {
    let title = &shown.incident.title;
    match title.strip_prefix("many hosts") {
        Some(rest) if shown.incident.common => {
            format!("{}{rest}", counted(shown.members_total.unsigned_abs(), "host"))
        }
        Some(_) | None => title.clone(),
    }
}

/// Where it stands now.
pub fn changed(detail: &IncidentDetail) -> Text {
    let incident = &detail.incident.incident;
    Text::of(format!("incident {} is {}", incident.id, incident.state.as_str()))
}

pub fn detail(detail: &IncidentDetail) -> Text {
    let mut text = Text::default();
    let shown = &detail.incident;
    head(shown, &mut text);
    text.block("    ", &shown.incident.detail);
    if shown.members_total != 0 {
        text.line(format!(
            "runs: {}, of which {} still have trouble",
            shown.members_total, shown.members_open
        ));
    }
    detail.members.iter().for_each(|one| text.line(member(one)));
    text.line("history:");
    for change in &detail.changes {
        let word = &change.word;
        text.line(format!(
            "    {} {:<12} by {}: {}",
            word.at,
            change.change,
            word.by,
            text_or_dash(&word.note)
        ));
    }
    text.line("told:");
    detail.notifications.iter().for_each(|one| told(one, &mut text));
    text
}

fn member(member: &Member) -> String {
    let stands = match &member.closed_because {
        Some(why) => format!("mended: {why}"),
        None => "has trouble".to_owned(),
    };
    format!("    {:<40} run {}  {stands}", member.hostname.as_str(), member.run_id)
}

fn told(notification: &Notification, text: &mut Text) {
    let mark = match notification.state {
        NotificationState::Delivered => "✓",
        NotificationState::Failing | NotificationState::GivenUp => "✗",
        NotificationState::Waiting => "…",
    };
    text.line(format!(
        "    {mark} {:<12} {} {} ({})",
        notification.change,
        notification.channel,
        notification.recipient,
        notification.state.as_str()
    ));
    if let (Some(error), None) = (&notification.last_error, notification.delivered_at) {
        let next = notification.next_try_at.map(|at| format!("; next try at {at}"));
        text.line(format!("       {error}{}", next.unwrap_or_default()));
    }
}
